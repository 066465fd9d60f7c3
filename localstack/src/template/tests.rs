use serde_json::json;

use super::*;

const TEMPLATE: &str = r#"
Parameters:
  Config: { Type: String, Default: "" }
  Memory: { Type: Number, Default: 256 }
  Reserved: { Type: Number, Default: 0 }
Conditions:
  HasConfig: !Not [!Equals [!Ref Config, ""]]
  Reserves: !Not [!Equals [!Ref Reserved, 0]]
  Both: !And [!Condition HasConfig, !Condition Reserves]
Globals:
  Function:
    MemorySize: !Ref Memory
    Timeout: 28
    Environment:
      Variables:
        STEPLESS_CONFIG: !If [HasConfig, !Ref Config, !Sub "dynamodb:${Table}"]
Resources:
  Key: { Type: "AWS::KMS::Key", Properties: { KeySpec: ECC_NIST_P256, Description: !Ref AWS::NoValue } }
  KeyAlias: { Type: "AWS::KMS::Alias", Properties: { AliasName: !Sub "alias/${AWS::StackName}-issuer", TargetKeyId: !Ref Key } }
  Optional: { Type: "AWS::KMS::Key", Condition: Both, Properties: {} }
  Table: { Type: "AWS::DynamoDB::Table", Properties: { BillingMode: PAY_PER_REQUEST } }
  Api: { Type: "AWS::Serverless::HttpApi" }
  Role: { Type: "AWS::IAM::Role", Properties: { Policies: [!GetAtt Table.Arn, !If [HasConfig, some, !Ref AWS::NoValue]] } }
  Sign:
    Type: AWS::Serverless::Function
    Metadata: { BuildProperties: { Binary: stepless-sign } }
    Properties:
      ReservedConcurrentExecutions: !If [Reserves, !Ref Reserved, !Ref AWS::NoValue]
      Environment: { Variables: { OWN: !GetAtt Key.Arn } }
      Events:
        Default: { Type: HttpApi, Properties: { ApiId: !Ref Api } }
        Root: { Type: HttpApi, Properties: { ApiId: !Ref Api, Path: "/root/{sha}", Method: get } }
        Daily: { Type: Schedule, Properties: { Schedule: rate(1 day) } }
"#;

#[test]
fn a_function_has_its_routes_and_its_environment() {
    let template = Template::read(TEMPLATE, "ca", &[]).unwrap();
    let made =
        BTreeMap::from([("Table".to_owned(), "t-1".to_owned()), ("Key.Arn".to_owned(), "arn:k".to_owned())]);

    let functions = template.functions(&made).unwrap();

    let route = |method: &str, path: &str| Route { method: method.into(), path: path.into() };
    assert_eq!(
        functions,
        [Function {
            name: "Sign".into(),
            binary: "stepless-sign".into(),
            environment: BTreeMap::from([
                ("OWN".into(), "arn:k".into()),
                ("STEPLESS_CONFIG".into(), "dynamodb:t-1".into())
            ]),
            timeout: Duration::from_secs(28),
            memory: 256,
            concurrency: None,
            routes: vec![route("ANY", "$default"), route("GET", "/root/{sha}")],
            queues: Vec::new(),
        }]
    );
}

#[test]
fn parameters_decide_conditions() {
    let template = Template::read(TEMPLATE, "ca", &[("Config", "ssm:x"), ("Reserved", "40")]).unwrap();

    let functions = template.functions(&BTreeMap::new()).unwrap();

    assert_eq!(functions[0].environment["STEPLESS_CONFIG"], "ssm:x");
    assert_eq!(functions[0].concurrency, Some(40));
    assert_eq!(template.keys().unwrap().len(), 2);
}

#[test]
fn a_key_has_its_aliases_and_a_missing_value_is_left_out() {
    let template = Template::read(TEMPLATE, "ca", &[]).unwrap();
    assert_eq!(
        template.keys().unwrap(),
        [Key {
            name: "Key".into(),
            properties: json!({"KeySpec": "ECC_NIST_P256"}),
            aliases: vec!["alias/ca-issuer".into()]
        }]
    );
    assert_eq!(template.tables().unwrap(), [("Table".to_owned(), json!({"BillingMode": "PAY_PER_REQUEST"}))]);
}

#[test]
fn a_role_names_what_it_is_for_and_has_one_side_of_each_condition() {
    let roles =
        |config| Template::read(TEMPLATE, "ca", &[("Config", config), ("Reserved", "1")]).unwrap().roles();
    let role = |policies| [("Role".to_owned(), json!({ "Policies": policies }))];
    assert_eq!(roles("").unwrap(), role(json!(["Table.Arn"])));
    assert_eq!(roles("ssm:a").unwrap(), role(json!(["Table.Arn", "some"])));
}

#[test]
fn a_reference_to_nothing_is_refused_by_its_name() {
    let error = Template::read(
        "Resources: { T: { Type: 'AWS::DynamoDB::Table', Properties: { TableName: !Ref Nothing } } }",
        "ca",
        &[],
    )
    .unwrap()
    .tables()
    .unwrap_err();
    assert!(matches!(error, TemplateError::UnknownName { name } if name == "Nothing"));
}
