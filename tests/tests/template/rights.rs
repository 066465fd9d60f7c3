//! Who may do what.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::document::{ACME_FUNCTIONS, FUNCTIONS, actions, of_type, read, statements, template};

/// The function that has no route: a schedule starts it.
const SCHEDULED: (&str, &str) = ("EndpointCertificateFunction", "EndpointCertificateRole");

/// The function that has no route either: a queue calls it.
const QUEUED: (&str, &str) = ("AcmeRetryFunction", "AcmeRetryRole");

/// Those that issue certificates.
const SIGNING_ROLES: [&str; 4] = ["SignRole", "RenewRole", "EndpointCertificateRole", "AcmeFinalizeRole"];

#[test]
fn l20_only_functions_that_issue_may_sign_and_only_with_the_issuers_key() {
    let template = template();
    for role in of_type(&template, "AWS::IAM::Role") {
        let signing: Vec<Value> = statements(&template, &role)
            .into_iter()
            .filter(|statement| actions(statement).contains("kms:Sign"))
            .map(|statement| statement["Resource"].clone())
            .collect();
        let expected = if SIGNING_ROLES.contains(&role.as_str()) {
            vec![json!({ "Fn::GetAtt": "IssuerKey.Arn" })]
        } else {
            Vec::new()
        };
        assert_eq!(signing, expected, "{role}");
    }
}

#[test]
fn l20_k10_no_function_names_the_roots_key() {
    let template = template();
    for (name, resource) in template["Resources"].as_object().unwrap() {
        if !["RootKey", "RootKeyAlias"].contains(&name.as_str()) {
            let text = resource.to_string();
            assert!(
                !text.contains("RootKey") && !text.contains("-root\""),
                "{name} speaks of the root's key"
            );
        }
    }
    assert_ne!(
        template["Resources"]["RootKeyAlias"]["Properties"]["AliasName"],
        template["Resources"]["IssuerKeyAlias"]["Properties"]["AliasName"],
    );
}

/// A permission is listed here or it is not given.
#[test]
fn l20_a_function_may_do_what_its_routes_need_and_nothing_else() {
    let template = template();
    let every = BTreeSet::from([
        "dynamodb:GetItem",
        "kms:GetPublicKey",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "s3:GetObject",
        "ssm:GetParameter",
    ]);
    let writes = BTreeSet::from(["dynamodb:UpdateItem"]);
    let issues = &writes | &BTreeSet::from(["dynamodb:ConditionCheckItem", "kms:Sign"]);
    let certificates = ["acm:AddTagsToCertificate", "acm:GetCertificate", "acm:ImportCertificate"];
    let further: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::from([
        ("InfoRole", BTreeSet::new()),
        ("SignRole", &issues | &BTreeSet::from(["dynamodb:DeleteItem"])),
        ("RenewRole", &issues | &BTreeSet::from(["dynamodb:DeleteItem"])),
        ("RevokeRole", writes),
        ("EndpointCertificateRole", &issues | &BTreeSet::from(certificates)),
        (
            "AcmeRole",
            BTreeSet::from([
                "dynamodb:BatchGetItem",
                "dynamodb:DeleteItem",
                "dynamodb:Query",
                "dynamodb:UpdateItem",
                "sqs:SendMessage",
            ]),
        ),
        ("AcmeFinalizeRole", &issues | &BTreeSet::from(["dynamodb:BatchGetItem"])),
        (
            "AcmeRetryRole",
            BTreeSet::from([
                "dynamodb:UpdateItem",
                "sqs:DeleteMessage",
                "sqs:GetQueueAttributes",
                "sqs:ReceiveMessage",
                "sqs:SendMessage",
            ]),
        ),
    ]);

    let roles: BTreeSet<String> = of_type(&template, "AWS::IAM::Role").into_iter().collect();
    assert_eq!(roles, further.keys().map(|role| (*role).to_owned()).collect());
    for (role, further) in further {
        let found: BTreeSet<String> = statements(&template, role).iter().flat_map(actions).collect();
        assert_eq!(found, (&every | &further).into_iter().map(str::to_owned).collect(), "{role}");
    }
}

/// What decides about certificates lies under `meta`: a function that was taken over does not rewrite it.
#[test]
fn l20_no_function_writes_the_configuration() {
    let template = template();
    for role in of_type(&template, "AWS::IAM::Role") {
        for statement in statements(&template, &role) {
            let actions = actions(&statement);
            let reads = ["dynamodb:BatchGetItem", "dynamodb:GetItem"];
            if actions.iter().any(|action| action.starts_with("dynamodb:") && !reads.contains(&&**action)) {
                let keys = &statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"];
                let keys: BTreeSet<&str> =
                    keys.as_array().expect("keys").iter().map(|key| key.as_str().unwrap()).collect();
                let mut records =
                    BTreeSet::from(["blocked#*", "cert#*", "endpoint-certificate", "once#*", "revoked#*"]);
                let names = ACME_RECORDS.map(|name| format!("{name}#*"));
                if role.starts_with("Acme") {
                    records.extend(names.iter().map(String::as_str).chain(["acme-nonce-key"]));
                }
                assert!(!keys.is_empty() && keys.is_subset(&records), "{role} {keys:?}");
            }
        }
    }
    let map = read("core/src/store/table.rs");
    for record in ["cert", "once", "revoked", "blocked"] {
        assert!(map.contains(&format!("Key::new(&[\"{record}\", ")), "the table map has {record}");
    }
    assert!(map.contains("Key::new(&[\"meta\"], &[\"config\"])"));
    let map = read("core/src/store/table/acme.rs");
    for record in ACME_RECORDS {
        assert!(map.contains(&format!("Key::new(&[\"{record}\", ")), "the table map has {record}");
    }
    assert!(map.contains("Key::new(&[\"acme-nonce-key\"], &[\"-\"])"));
}

/// What only ACME keeps.
const ACME_RECORDS: [&str; 8] =
    ["account", "account-key", "eab", "limit", "order", "orders", "proven", "replaced"];

/// No other function reads or writes the queue.
#[test]
fn l20_only_acme_and_its_retries_use_the_queue() {
    let template = template();
    for role in of_type(&template, "AWS::IAM::Role") {
        for statement in statements(&template, &role) {
            let is_of_queue = actions(&statement).iter().any(|action| action.starts_with("sqs:"));
            assert!(!is_of_queue || ["AcmeRole", "AcmeRetryRole"].contains(&role.as_str()), "{role}");
            assert!(
                !is_of_queue || statement["Resource"] == json!({ "Fn::GetAtt": "RetryQueue.Arn" }),
                "{role} {statement}"
            );
        }
    }
}

#[test]
fn l20_no_permission_is_a_star() {
    let template = template();
    for role in of_type(&template, "AWS::IAM::Role") {
        let properties = &template["Resources"][&role]["Properties"];
        assert!(properties.get("ManagedPolicyArns").is_none(), "{role}");
        for statement in statements(&template, &role) {
            assert_eq!(statement["Effect"], "Allow", "{role}");
            assert!(actions(&statement).iter().all(|action| !action.contains('*')), "{role} {statement}");
            let resource = &statement["Resource"];
            if resource.to_string().contains('*') {
                // The first import has no ARN yet; it is bound to the tag of the stack instead.
                assert_eq!(role, "EndpointCertificateRole");
                assert!(resource["Fn::Sub"].as_str().unwrap().ends_with(":certificate/*"), "{statement}");
                let tags = statement["Condition"]["StringEquals"].as_object().unwrap();
                for (tag, value) in tags {
                    let names = ["aws:RequestTag/stepless:stack", "aws:ResourceTag/stepless:stack"];
                    assert!(names.contains(&tag.as_str()), "{tag}");
                    assert_eq!(*value, json!({ "Ref": "AWS::StackName" }));
                }
                assert_eq!(tags.len(), 1);
            }
        }
    }
    // In the policy of a key, the star is the key; actions are named there too.
    for key in ["RootKey", "IssuerKey"] {
        for statement in
            template["Resources"][key]["Properties"]["KeyPolicy"]["Statement"].as_array().unwrap()
        {
            assert!(actions(statement).iter().all(|action| !action.contains('*')), "{key} {statement}");
            let account =
                json!({ "AWS": { "Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root" } });
            assert_eq!(statement["Principal"], account, "{key}");
        }
    }
    for function in of_type(&template, "AWS::Serverless::Function") {
        let properties = &template["Resources"][&function]["Properties"];
        assert!(properties.get("Policies").is_none() && properties.get("Tracing").is_none(), "{function}");
    }
}

#[test]
fn l20_only_the_gateway_the_schedule_and_the_queue_invoke_a_function() {
    let template = template();
    for permission in of_type(&template, "AWS::Lambda::Permission") {
        let properties = &template["Resources"][&permission]["Properties"];
        assert_eq!(properties["Principal"], "apigateway.amazonaws.com", "{permission}");
        let source = properties["SourceArn"]["Fn::Sub"].as_str().unwrap();
        assert!(source.contains(":${AWS::AccountId}:${RestApi}/live/"), "{permission}: {source}");
    }
    let environment = &template["Resources"][SCHEDULED.0]["Properties"]["Environment"]["Variables"];
    let tag = &environment["STEPLESS_ENDPOINT_CERTIFICATE_TAG"];
    assert_eq!(*tag, json!({ "Ref": "AWS::StackName" }), "the tag that its role goes by");
    let events = template["Resources"][SCHEDULED.0]["Properties"]["Events"].as_object().unwrap();
    assert_eq!(events.values().map(|event| &event["Type"]).collect::<Vec<_>>(), ["ScheduleV2"]);
    for role in of_type(&template, "AWS::IAM::Role") {
        let trusted = &template["Resources"][&role]["Properties"]["AssumeRolePolicyDocument"]["Statement"];
        let expected = json!([{ "Effect": "Allow", "Principal": { "Service": "lambda.amazonaws.com" }, "Action": "sts:AssumeRole" }]);
        assert_eq!(*trusted, expected, "{role}");
    }
    let events = template["Resources"][QUEUED.0]["Properties"]["Events"].as_object().unwrap();
    assert_eq!(events.values().map(|event| &event["Type"]).collect::<Vec<_>>(), ["SQS"]);
    let by_function: BTreeSet<&str> = FUNCTIONS
        .iter()
        .map(|(_, role, _)| *role)
        .chain(ACME_FUNCTIONS.map(|(_, role)| role))
        .chain([SCHEDULED.1, QUEUED.1])
        .collect();
    assert_eq!(by_function.len(), 8, "no two functions share a role");
}
