//! S3 and SSM, by an emulator of them.

use std::io::{Read, Write};
use std::net::TcpListener;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use aws_sdk_ssm::types::{ParameterTier, ParameterType};
use rstest::rstest;
use stepless_localstack::emulator::Ministack;
use stepless_localstack::proxy::{AwsError, Fault, Gate, Proxy, Rule, When};
use stepless_localstack::{ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY};

use super::*;

fn emulator() -> String {
    Ministack::shared().unwrap_or_else(|error| panic!("{error}")).url()
}

fn sdk(url: &str) -> SdkConfig {
    let credentials = Credentials::new(ACCESS_KEY_ID, SECRET_ACCESS_KEY, None, None, "test");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new(REGION))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url(url)
        .build()
}

/// An object in a bucket of its own, which is there.
async fn object(bucket: &str) -> ConfigurationSource {
    aws_sdk_s3::Client::new(&sdk(&emulator())).create_bucket().bucket(bucket).send().await.unwrap();
    object_at(&emulator(), bucket)
}

fn object_at(url: &str, bucket: &str) -> ConfigurationSource {
    ConfigurationSource(Source::S3(S3Place::new(&sdk(url), bucket.to_owned(), "a/ca.json".to_owned())))
}

fn parameter_at(url: &str, name: &str) -> ConfigurationSource {
    ConfigurationSource(Source::Ssm(SsmPlace::new(&sdk(url), name.to_owned())))
}

fn parameter(name: &str) -> ConfigurationSource {
    parameter_at(&emulator(), name)
}

fn parameters() -> aws_sdk_ssm::Client {
    aws_sdk_ssm::Client::new(&sdk(&emulator()))
}

#[tokio::test]
async fn an_object_is_written_once_and_changed_only_by_who_knows_it() {
    a_place_keeps_its_promises(&object("contract").await).await;
}

#[tokio::test]
async fn a_parameter_is_written_once_and_changed_only_by_who_knows_it() {
    a_place_keeps_its_promises(&parameter("/contract/ca.json")).await;
}

#[tokio::test]
async fn of_two_who_make_an_object_at_once_one_is_told() {
    let place = object("two-at-once").await;

    let both =
        tokio::join!(place.write("{\"a\":1}", Expected::Absent), place.write("{\"b\":2}", Expected::Absent));

    let told = [both.0, both.1].into_iter().filter(|one| matches!(one, Err(WriteError::Changed))).count();
    assert_eq!(told, 1);
}

#[tokio::test]
async fn of_two_who_make_a_parameter_at_once_one_is_told() {
    let place = parameter("/two-at-once");

    let both =
        tokio::join!(place.write("{\"a\":1}", Expected::Absent), place.write("{\"b\":2}", Expected::Absent));

    let told = [both.0, both.1].into_iter().filter(|one| matches!(one, Err(WriteError::Changed))).count();
    assert_eq!(told, 1);
}

/// A wrong name of a bucket is a mistake in the configuration, an object that is missing is not.
#[tokio::test]
async fn a_bucket_that_is_not_there_is_no_missing_object() {
    let found = object_at(&emulator(), "nobodys-bucket").read(None).await;

    let Err(ReadError::Service { place, .. }) = found else { panic!("{found:?}") };
    assert_eq!(place, "s3://nobodys-bucket/a/ca.json");
}

#[tokio::test]
async fn what_is_known_of_an_object_is_not_sent_again() {
    let place = object("known").await;
    let version = place.write("{}", Expected::Absent).await.unwrap();
    let proxy = Proxy::start(&emulator()).await.unwrap();
    let through = object_at(proxy.url(), "known");

    assert_eq!(through.read(Some(&version)).await.unwrap(), Found::Unchanged);

    assert_eq!(proxy.calls().len(), 1);
}

#[tokio::test]
async fn an_object_that_is_deleted_is_absent_and_is_not_changed() {
    let place = object("deleted").await;
    let version = place.write("{}", Expected::Absent).await.unwrap();
    let client = aws_sdk_s3::Client::new(&sdk(&emulator()));
    client.delete_object().bucket("deleted").key("a/ca.json").send().await.unwrap();

    assert_eq!(place.read(Some(&version)).await.unwrap(), Found::Absent);
    let written = place.write("{\"a\":1}", Expected::Version(&version)).await;
    assert!(matches!(written, Err(WriteError::Changed)), "{written:?}");
}

#[tokio::test]
async fn an_object_that_is_too_long_or_no_text_is_refused() {
    let place = object("long").await;
    let client = aws_sdk_s3::Client::new(&sdk(&emulator()));
    let put = |bytes: Vec<u8>| client.put_object().bucket("long").key("a/ca.json").body(bytes.into()).send();

    put(vec![b' '; usize::try_from(MAX_OCTETS).unwrap() + 1]).await.unwrap();
    assert!(matches!(place.read(None).await, Err(ReadError::TooLong { octets }) if octets == MAX_OCTETS + 1));

    put(vec![0xff, 0xfe]).await.unwrap();
    assert!(matches!(place.read(None).await, Err(ReadError::NotText)));
}

#[rstest]
#[case::clear("/clear", ParameterType::String)]
#[case::encrypted("/encrypted", ParameterType::SecureString)]
#[tokio::test]
async fn a_parameter_of_the_operator_is_read_and_keeps_its_type(
    #[case] name: &str,
    #[case] kind: ParameterType,
) {
    let (client, place) = (parameters(), parameter(name));
    client.put_parameter().name(name).value("{\"a\":1}").r#type(kind.clone()).send().await.unwrap();

    let Found::Configuration(found) = place.read(None).await.unwrap() else { panic!("it is there") };
    assert_eq!(found.text, "{\"a\":1}");
    let version = place.write("{\"a\":2}", Expected::Version(&found.version)).await.unwrap();

    assert_eq!(place.read(Some(&version)).await.unwrap(), Found::Unchanged);
    let now =
        client.get_parameter().name(name).with_decryption(true).send().await.unwrap().parameter.unwrap();
    assert_eq!((now.r#type, now.value.as_deref()), (Some(kind), Some("{\"a\":2}")));
}

/// The standard tier holds 4 KiB, the advanced one 8; a configuration of the first size has to be able to grow.
#[tokio::test]
async fn a_parameter_takes_what_the_advanced_tier_holds() {
    let proxy = Proxy::start(&emulator()).await.unwrap();
    let place = parameter_at(proxy.url(), "/grows");
    let text = |octets: usize| format!("\"{}\"", "a".repeat(octets - 2));

    let first = place.write(&text(4096), Expected::Absent).await.unwrap();
    let second = place.write(&text(8192), Expected::Version(&first)).await.unwrap();

    assert_eq!(place.read(Some(&second)).await.unwrap(), Found::Unchanged);
    let puts = proxy.calls().into_iter().filter(|call| call.operation == "PutParameter");
    let tiers: Vec<_> = puts.map(|call| call.json()["Tier"].clone()).collect();
    assert_eq!(tiers, [ParameterTier::IntelligentTiering.as_str(); 2]);
}

#[tokio::test]
async fn a_parameter_that_is_too_long_is_refused_and_nothing_is_written() {
    // The emulator has no bound; AWS answers so to more than 8 KiB.
    let proxy = Proxy::start(&emulator()).await.unwrap();
    proxy.add(Rule::every("PutParameter", Fault::Answer(AwsError::new(400, "ValidationException"))));
    let place = parameter_at(proxy.url(), "/too-long");

    let written = place.write(&"a".repeat(8193), Expected::Absent).await;

    assert!(matches!(written, Err(WriteError::Refused(_))), "{written:?}");
    assert_eq!(place.read(None).await.unwrap(), Found::Absent);
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_may_have_happened() {
    let proxy = Proxy::start(&emulator()).await.unwrap();
    proxy.add(Rule::every("PutParameter", Fault::Answer(AwsError::new(500, "InternalServerError"))));

    let written = parameter_at(proxy.url(), "/lost").write("{}", Expected::Absent).await;

    assert!(matches!(written, Err(WriteError::Unknown(_))), "{written:?}");
}

#[tokio::test]
async fn d6_a_write_that_was_done_twice_or_never_answered_is_found_to_be_done() {
    let first = object("done").await.write("{}", Expected::Absent).await.unwrap();
    let proxy = Proxy::start(&emulator()).await.unwrap();
    proxy.add(Rule::of_any(When::Nth(1), Fault::DropAfter));
    let place = object_at(proxy.url(), "done");
    let version = place.write("{\"a\":1}", Expected::Version(&first)).await.unwrap();
    assert_eq!(place.read(Some(&version)).await.unwrap(), Found::Unchanged);

    proxy.clear_rules();
    proxy.add(Rule::every("PutParameter", Fault::DropAfter));
    let place = parameter_at(proxy.url(), "/done");
    let first = place.write("{}", Expected::Absent).await.unwrap();
    let version = place.write("{\"a\":1}", Expected::Version(&first)).await.unwrap();
    assert_eq!(place.read(Some(&version)).await.unwrap(), Found::Unchanged);
    assert_eq!(proxy.count("PutParameter"), 2);
}

#[rstest]
#[case::told("/overwrote", None)]
#[case::not_answered("/overwrote-lost", Some(Fault::DropAfter))]
#[tokio::test]
async fn a_parameter_that_was_written_over_another_change_says_so(
    #[case] name: &'static str,
    #[case] fault: Option<Fault>,
) {
    let gate = Gate::closed();
    let first = parameter(name).write("{}", Expected::Absent).await.unwrap();
    let proxy = Proxy::start(&emulator()).await.unwrap();
    proxy.add(Rule::every("PutParameter", Fault::HoldBefore(gate.clone())));
    let outer = Proxy::start(proxy.url()).await.unwrap();
    if let Some(fault) = fault {
        outer.add(Rule::every("PutParameter", fault));
    }
    let (place, expected) = (parameter_at(outer.url(), name), first.clone());
    let ours = tokio::spawn(async move { place.write("{\"a\":1}", Expected::Version(&expected)).await });

    gate.arrived(1).await;
    parameter(name).write("{\"b\":2}", Expected::Version(&first)).await.unwrap();
    gate.open();

    let written = ours.await.unwrap();
    assert!(matches!(written, Err(WriteError::Overwrote)), "{written:?}");
}

/// An answer of S3 with this beginning of a body, and then the same again for ever, or nothing any more.
fn endless(repeated: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let mut request = [0; 4096];
            let _ = connection.read(&mut request).unwrap();
            let head = "HTTP/1.1 200 OK\r\nETag: \"1\"\r\nTransfer-Encoding: chunked\r\n\r\n";
            connection.write_all(head.as_bytes()).unwrap();
            let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
            // The client goes away in the middle.
            while connection.write_all(chunk.as_bytes()).is_ok() {
                if !repeated {
                    let _ = connection.read(&mut request);
                    break;
                }
            }
        }
    });
    url
}

#[tokio::test]
async fn an_object_without_end_is_read_neither_whole_nor_for_ever() {
    let (long, stuck) = (object_at(&endless(true), "endless"), object_at(&endless(false), "stuck"));

    let (long, stuck) = tokio::join!(long.read(None), stuck.read(None));

    assert!(matches!(long, Err(ReadError::TooLong { .. })), "{long:?}");
    assert!(matches!(stuck, Err(ReadError::Service { .. })), "{stuck:?}");
}

#[tokio::test]
async fn a_service_that_refuses_is_told_apart_from_one_without_a_configuration() {
    let proxy = Proxy::start(&emulator()).await.unwrap();
    proxy.add(Rule::every("GetParameter", Fault::Answer(AwsError::new(400, "AccessDeniedException"))));

    let found = parameter_at(proxy.url(), "/denied").read(None).await;

    let Err(ReadError::Service { place, .. }) = found else { panic!("{found:?}") };
    assert_eq!(place, "ssm:/denied");
}
