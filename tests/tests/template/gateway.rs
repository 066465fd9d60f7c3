//! The gateways: routes, addresses, limits.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::document::{ACME_FUNCTIONS, FUNCTIONS, acme_paths, events, of_type, read, routes, template};

#[test]
fn every_route_of_the_code_is_in_the_template_with_its_function_and_no_other_is() {
    let template = template();
    for (function, _, source) in FUNCTIONS {
        let of_the_code = routes(source);
        assert!(!of_the_code.is_empty(), "{source} has routes");

        let of_the_template: BTreeSet<String> = events(&template, function).into_iter().flatten().collect();

        assert_eq!(of_the_template, of_the_code, "{function}");
    }
    for (function, _) in ACME_FUNCTIONS {
        let of_the_template: BTreeSet<String> = events(&template, function).into_iter().flatten().collect();
        assert_eq!(of_the_template, acme_paths(function), "{function}");
    }
}

/// The router knows which methods a path takes; it answers HEAD where it answers GET, and 405 in step's JSON elsewhere.
#[test]
fn every_path_takes_every_method_and_every_other_path_goes_to_info() {
    let template = template();
    let functions = FUNCTIONS.iter().map(|(function, _, _)| *function);
    for function in functions.chain(ACME_FUNCTIONS.map(|(function, _)| function)) {
        let resource = &template["Resources"][function];
        for (name, event) in resource["Properties"]["Events"].as_object().unwrap() {
            assert_eq!(event["Type"], "HttpApi", "{function} {name}");
            assert_eq!(event["Properties"]["ApiId"], json!({ "Ref": "HttpApi" }), "{function} {name}");
            if event["Properties"].get("Path").is_some() {
                assert_eq!(event["Properties"]["Method"], "ANY", "{function} {name}");
            }
        }
        let without_path = events(&template, function).iter().filter(|path| path.is_none()).count();
        assert_eq!(without_path, usize::from(function == "InfoFunction"), "{function}");
    }
}

/// Info has all paths of the REST gateway that no other function has.
#[test]
fn the_rest_gateway_has_the_same_routes() {
    let template = template();
    let paths =
        template["Resources"]["RestApi"]["Properties"]["DefinitionBody"]["paths"].as_object().unwrap();
    let function_of = |path: &str| {
        let method = &paths[path]["x-amazon-apigateway-any-method"]["x-amazon-apigateway-integration"];
        assert_eq!(method["type"], "aws_proxy", "{path}");
        assert_eq!(method["timeoutInMillis"], 29_000, "{path}");
        let uri = method["uri"]["Fn::Sub"].as_str().unwrap();
        uri.split_once("functions/${").unwrap().1.split_once(".Arn}").unwrap().0.to_owned()
    };

    let mut expected =
        BTreeMap::from([("/".to_owned(), "InfoFunction"), ("/{path+}".to_owned(), "InfoFunction")]);
    for (function, _, source) in FUNCTIONS {
        if function != "InfoFunction" {
            expected.extend(routes(source).into_iter().map(|path| (path, function)));
        }
    }
    for (function, _) in ACME_FUNCTIONS {
        expected.extend(acme_paths(function).into_iter().map(|path| (path, function)));
    }
    let found: BTreeMap<String, String> =
        paths.keys().map(|path| (path.clone(), function_of(path))).collect();

    assert_eq!(found, expected.into_iter().map(|(path, function)| (path, function.to_owned())).collect());
}

#[test]
fn l2_no_second_address_goes_around_the_host_names() {
    let template = template();
    let resources = template["Resources"].as_object().unwrap();
    for kind in
        ["AWS::Lambda::Url", "AWS::ElasticLoadBalancingV2::Listener", "AWS::Lambda::EventSourceMapping"]
    {
        assert!(of_type(&template, kind).is_empty(), "{kind}");
    }
    assert!(!read("template.yaml").contains("FunctionUrlConfig"));
    let closed = |api: &str| resources[api]["Properties"]["DisableExecuteApiEndpoint"].clone();
    assert_eq!(closed("HttpApi"), json!({ "Fn::If": ["HidesHttpEndpoint", true, false] }));
    assert_eq!(closed("RestApi"), json!({ "Fn::If": ["HasDomain", true, false] }));
    assert_eq!(
        template["Conditions"]["HidesHttpEndpoint"],
        json!({ "Fn::Or": [{ "Condition": "HasDomain" }, { "Condition": "IsRest" }] }),
    );
    let environment = &template["Globals"]["Function"]["Environment"]["Variables"];
    let hosts = json!({ "Fn::If": ["HasMtlsDomain", { "Fn::Sub": "${DomainName},${MtlsDomainName}" }, { "Ref": "DomainName" }] });
    assert_eq!(environment["STEPLESS_HOSTS"], hosts, "the functions answer to these names only");
    assert_eq!(environment["STEPLESS_EVENTS"], json!({ "Fn::If": ["IsRest", "rest-api", "http-api"] }));
    for domain in ["Domain", "MtlsDomain"] {
        let configuration = &resources[domain]["Properties"]["DomainNameConfigurations"][0];
        assert_eq!(configuration["SecurityPolicy"], "TLS_1_2", "{domain}");
    }
}

#[test]
fn l7_a_function_ends_before_its_gateway_and_before_the_lease_of_its_intent() {
    let template = template();
    let limit = template["Globals"]["Function"]["Timeout"].as_u64().unwrap();
    // The smallest of the gateways' limits is that of REST; the lease is 30 s.
    assert!((20..29).contains(&limit), "{limit} s");
    for function in of_type(&template, "AWS::Serverless::Function") {
        // A schedule waits for the one that has a limit of its own; a gateway waits for the others.
        let own = template["Resources"][&function]["Properties"].get("Timeout");
        assert_eq!(own.is_some(), function == "EndpointCertificateFunction", "{function}");
    }
    let text = read("template.yaml");
    assert!(!text.contains("TimeoutInMillis"), "the HTTP gateway keeps its 30 s");
}

/// A message comes back when its function has had time enough, and not for ever.
#[test]
fn l7_the_queue_waits_longer_than_its_function_may_take_and_sets_aside_what_fails() {
    let template = template();
    let limit = template["Globals"]["Function"]["Timeout"].as_u64().unwrap();
    let queue = &template["Resources"]["RetryQueue"]["Properties"];
    assert!(queue["VisibilityTimeout"].as_u64().unwrap() >= 6 * limit);
    assert_eq!(
        queue["RedrivePolicy"]["deadLetterTargetArn"],
        json!({ "Fn::GetAtt": "RetryDeadLetters.Arn" })
    );
    let source = &template["Resources"]["AcmeRetryFunction"]["Properties"]["Events"]["Queue"];
    assert_eq!(source["Type"], "SQS");
    assert_eq!(source["Properties"]["Queue"], json!({ "Fn::GetAtt": "RetryQueue.Arn" }));
    assert_eq!(source["Properties"]["FunctionResponseTypes"], json!(["ReportBatchItemFailures"]));
    let alarm = &template["Resources"]["RetryDeadLettersAlarm"]["Properties"];
    assert_eq!(alarm["Dimensions"][0]["Value"], json!({ "Fn::GetAtt": "RetryDeadLetters.QueueName" }));
    for function in of_type(&template, "AWS::Serverless::Function") {
        let variable =
            &template["Resources"][&function]["Properties"]["Environment"]["Variables"]["STEPLESS_QUEUE_URL"];
        let expected = match function.as_str() {
            "AcmeFunction" | "AcmeRetryFunction" => json!({ "Ref": "RetryQueue" }),
            _ => Value::Null,
        };
        assert_eq!(*variable, expected, "{function}");
    }
}

#[test]
fn l18_the_gateway_keeps_no_answer_for_others() {
    let text = read("template.yaml");
    for cache in ["CacheClusterEnabled", "CachingEnabled", "CacheTtlInSeconds", "AWS::CloudFront"] {
        assert!(!text.contains(cache), "{cache}");
    }
}

#[test]
fn l19_sign_renew_revoke_and_acme_have_instances_of_their_own() {
    let template = template();
    for name in ["Sign", "Renew", "Revoke", "Acme", "AcmeFinalize"] {
        let reserved =
            &template["Resources"][format!("{name}Function")]["Properties"]["ReservedConcurrentExecutions"];
        let parameter = format!("{name}Concurrency");
        let expected =
            json!({ "Fn::If": [format!("Reserves{name}"), { "Ref": parameter }, { "Ref": "AWS::NoValue" }] });
        assert_eq!(*reserved, expected, "{name}");
        assert!(template["Parameters"][&parameter]["Default"].as_u64().unwrap() > 0, "{parameter}");
    }
    let throttled = &template["Resources"]["HttpApi"]["Properties"]["DefaultRouteSettings"];
    assert_eq!(throttled["ThrottlingRateLimit"], json!({ "Ref": "ThrottleRate" }));
}

/// A client that parses step's errors can read the gateway's own ones too.
#[test]
fn what_the_rest_gateway_refuses_itself_it_says_as_step_does() {
    let template = template();
    let responses = template["Resources"]["RestApi"]["Properties"]["GatewayResponses"].as_object().unwrap();
    for kind in [
        "DEFAULT_4XX",
        "DEFAULT_5XX",
        "THROTTLED",
        "REQUEST_TOO_LARGE",
        "ACCESS_DENIED",
        "INTEGRATION_TIMEOUT",
    ] {
        assert!(responses.contains_key(kind), "{kind}");
    }
    for (kind, response) in responses {
        let body = response["ResponseTemplates"]["application/json"].as_str().unwrap();
        let body: Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["status"], response["StatusCode"], "{kind}");
        assert!(body["message"].as_str().is_some_and(|message| message.ends_with('.')), "{kind}");
        assert_eq!(body.as_object().unwrap().len(), 2, "{kind}");
        let retry = response["ResponseParameters"]["Headers"]["Retry-After"].as_str();
        assert_eq!(retry.is_some(), [429, 503].map(Value::from).contains(&response["StatusCode"]), "{kind}");
    }
}
