//! What holds of any event.

use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn any_event_is_read_or_refused_and_nothing_panics(text in "\\PC{0,200}") {
        for events in [Events::HttpApi, Events::RestApi, Events::FunctionUrl, ALB, VERIFY, PASSTHROUGH] {
            let _ = request(&gateway(events), &text);
        }
    }

    #[test]
    fn any_decoded_path_survives(path in "/\\PC{0,60}") {
        let mut event = sample(Events::HttpApi);
        event["rawPath"] = path.clone().into();

        let request = read(Events::HttpApi, &event).unwrap();

        let found = percent_encoding::percent_decode_str(request.uri().path()).decode_utf8().unwrap().into_owned();
        prop_assert_eq!(found, path);
    }

    #[test]
    fn any_query_survives_a_rest_api(pairs in proptest::collection::btree_map("\\PC{1,10}", proptest::collection::vec("\\PC{0,10}", 1..3), 1..4)) {
        let mut event = sample(Events::RestApi);
        event["multiValueQueryStringParameters"] = json!(pairs);

        let request = read(Events::RestApi, &event).unwrap();

        let mut found = BTreeMap::<String, Vec<String>>::new();
        for pair in request.uri().query().unwrap().split('&') {
            let (name, value) = pair.split_once('=').unwrap();
            let decoded = |text| percent_encoding::percent_decode_str(text).decode_utf8().unwrap().into_owned();
            found.entry(decoded(name)).or_default().push(decoded(value));
        }
        prop_assert_eq!(found, pairs);
    }

    #[test]
    fn any_header_and_body_survive_every_shape(value in "[!-~]([ -~]{0,30}[!-~])?", body in proptest::collection::vec(any::<u8>(), 0..100)) {
        for events in [Events::HttpApi, Events::RestApi, Events::FunctionUrl, ALB] {
            let mut event = sample(events);
            add_header(events, &mut event, "x-test", &value);
            event["body"] = STANDARD.encode(&body).into();
            event["isBase64Encoded"] = true.into();

            let request = read(events, &event).unwrap();

            prop_assert_eq!(request.headers()["x-test"].to_str().unwrap(), &value);
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let found = runtime.block_on(to_bytes(request.into_body(), 1024)).unwrap();
            prop_assert_eq!(&found[..], &body[..]);
        }
    }
}
