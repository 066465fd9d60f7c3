//! The function that keeps the certificate of the host names in ACM fresh.

use serde_json::Value;
use stepless_aws::configuration::Expected;
use stepless_core::clock::SignedDuration;
use stepless_core::store::{Store, table};
use stepless_core::x509::Certificate;
use stepless_localstack::proxy::{AwsError, Fault, Rule};
use stepless_localstack::runtime::InvokeError;

use crate::world::World;

impl World {
    async fn try_keep_fresh(&self) -> Result<Value, InvokeError> {
        // What a schedule of EventBridge sends.
        let event = r#"{"version":"0","id":"1","detail-type":"Scheduled Event","source":"aws.scheduler","detail":{}}"#;
        let answer = self.function("endpoint-certificate").invoke(event.into()).await?;
        Ok(serde_json::from_slice(&answer).unwrap())
    }

    async fn keep_fresh(&self) -> Value {
        self.try_keep_fresh().await.unwrap_or_else(|error| panic!("{error}"))
    }

    /// The leaf that the gateway serves with now.
    fn served(&self) -> Certificate {
        let imported = self.acm.last_import().expect("a certificate was imported");
        let chain = String::from_utf8(imported.chain).unwrap();
        let chain = Certificate::parse_pem_bundle(&chain).unwrap();
        chain[0].verify_signature(chain[1].public_key()).unwrap();
        chain[0].clone()
    }

    fn served_names(&self) -> Vec<String> {
        self.served().sans().unwrap().dns_names().map(|name| name.to_string()).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_call_imports_and_the_second_does_nothing() {
    let world = World::new().await;

    let first = world.keep_fresh().await;
    let served = world.served();
    let second = world.keep_fresh().await;

    assert_eq!((&first["imported"], &second["imported"]), (&true.into(), &false.into()));
    assert_eq!((&first["arn"], &first["notAfter"]), (&second["arn"], &second["notAfter"]));
    assert_eq!(world.served(), served);
    assert_eq!(world.served_names(), ["ca.example"]);
    assert!(served.is_valid_at(world.now()));
    assert!(world.store.get(&table::endpoint_certificate()).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn o4_a_certificate_is_replaced_under_its_arn_when_a_third_of_its_life_is_over() {
    let world = World::new().await;
    let first = world.keep_fresh().await;
    let served = world.served();

    world.set_clock(SignedDuration::from_hours(9 * 24));
    assert_eq!(world.keep_fresh().await["imported"], false);
    world.set_clock(SignedDuration::from_hours(11 * 24));
    let later = world.keep_fresh().await;

    assert_eq!((&later["imported"], &later["arn"]), (&true.into(), &first["arn"]));
    assert_ne!(later["notAfter"], first["notAfter"]);
    assert_ne!(world.served().serial(), served.serial());
    assert_ne!(world.served().public_key(), served.public_key());
    assert_eq!(world.keep_fresh().await["imported"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_names_in_the_configuration_replace_the_certificate_under_its_arn() {
    let world = World::new().await;
    let first = world.keep_fresh().await;
    let mut changed = world.configuration.clone();
    changed["dnsNames"] = serde_json::json!(["ca.example", "renew.ca.example"]);
    let known = world.version().await;
    world.write(&changed.to_string(), Expected::Version(&known)).await;

    let second = world.keep_fresh().await;

    assert_eq!((&second["imported"], &second["arn"]), (&true.into(), &first["arn"]));
    assert_eq!(world.served_names(), ["ca.example", "renew.ca.example"]);
    assert_eq!(world.keep_fresh().await["imported"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_first_calls_at_once_both_name_the_certificate_that_stays() {
    let world = World::of_many_processes().await;

    let (one, other) = tokio::join!(world.keep_fresh(), world.keep_fresh());

    assert_eq!(one["arn"], other["arn"]);
    let later = world.keep_fresh().await;
    assert_eq!((&later["imported"], &later["arn"]), (&false.into(), &one["arn"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn l15_a_schedule_that_delivers_three_times_and_at_once_has_one_effect() {
    let world = World::of_many_processes().await;
    let first = world.keep_fresh().await;
    world.set_clock(SignedDuration::from_hours(11 * 24));

    let mut imports = 0;
    for _ in 0..3 {
        imports += usize::from(world.keep_fresh().await["imported"] == true);
    }
    let at_once = tokio::join!(world.keep_fresh(), world.keep_fresh(), world.keep_fresh());

    assert_eq!(imports, 1);
    for answer in [at_once.0, at_once.1, at_once.2] {
        assert_eq!((&answer["imported"], &answer["arn"]), (&false.into(), &first["arn"]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn l15_a_call_that_failed_says_so_and_the_next_delivery_does_its_work() {
    let world = World::new().await;
    let first = world.keep_fresh().await;
    let served = world.served();
    world.set_clock(SignedDuration::from_hours(11 * 24));
    world.kms.add(Rule::every("Sign", Fault::Answer(AwsError::new(400, "KMSInvalidStateException"))));

    let failed = world.try_keep_fresh().await;

    assert!(matches!(failed, Err(InvokeError::Function { .. })), "{failed:?}");
    assert_eq!(world.served(), served);
    assert!(world.log("endpoint-certificate").contains(": the signing key"), "{}", world.logs());
    world.kms.clear_rules();
    let second = world.keep_fresh().await;
    assert_eq!((&second["imported"], &second["arn"]), (&true.into(), &first["arn"]));
}
