//! What DynamoDB takes at most, and how writes are spread over it.

use std::collections::HashMap;

use stepless_core::store::{CommitError, Condition, Key, MAX_VALUE, Store, StoreError, Write, table};
use stepless_core::x509::SerialNumber;

use crate::table::{Weather, both};

fn big(number: usize) -> Write {
    Write::Put {
        key: Key::new(&["big"], &[&number.to_string()]),
        condition: Condition::Absent,
        value: vec![0xA5; MAX_VALUE],
        expires: None,
        indexes: Vec::new(),
    }
}

#[tokio::test]
async fn d10_a_commit_of_four_mebibytes_fits_and_a_larger_one_is_refused_up_front() {
    // DynamoDB counts the octets of a value; ministack counts them as base64.
    for (url, fitting) in both().into_iter().zip([7, 10]) {
        let weather = Weather::at(&url).await;

        let answer = weather.store.commit((0..11).map(big).collect()).await;
        let Err(CommitError::Store(StoreError::Failed(error))) = answer else {
            panic!("should have been refused: {answer:?}");
        };
        assert!(error.to_string().contains("a transaction takes at most 4194304"), "{error}");
        assert_eq!(weather.proxy.operations(), Vec::<String>::new());

        weather.store.commit((0..fitting).map(big).collect()).await.unwrap();
        let keys: Vec<Key> = (0..fitting).map(|number| big(number).key().clone()).collect();
        let found = weather.store.get_many(&keys).await.unwrap();
        assert!(found.iter().flatten().all(|record| record.value.len() == MAX_VALUE));
        assert_eq!(found.iter().flatten().count(), fitting);
    }
}

/// DynamoDB takes a thousand writes a second into one partition. Of 500 revocations a second, none is to see more than
/// a handful, so that no other writer waits for them.
#[test]
fn d13_revocations_are_spread_over_partitions() {
    let mut partitions: HashMap<String, usize> = HashMap::new();
    let revocations = 30_000_u32;
    for number in 0..revocations {
        let serial: SerialNumber = (number + 1).to_string().parse().unwrap();
        *partitions.entry(table::revocation(&serial).partition).or_default() += 1;
    }

    let most = *partitions.values().max().unwrap();

    assert_eq!(partitions.len(), 256);
    assert!(most * 100 < revocations as usize, "{most} of {revocations} in one partition");
}
