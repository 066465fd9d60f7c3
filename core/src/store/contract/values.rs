//! What was put comes back, byte by byte, from where it was put.

use super::{Condition, Index, IndexEntry, Key, Source, Subject, Write, all, put, texts};
use crate::store::key;

/// No octets, all octets, and as many as a certificate with its chain will never have.
pub async fn big_and_binary_values_come_back_unchanged(subject: Subject) {
    let every_octet: Vec<u8> = (0..=255).collect();
    let big: Vec<u8> = every_octet.iter().copied().cycle().take(300 * 1024).collect();

    for (name, value) in [("empty", Vec::new()), ("binary", every_octet), ("big", big)] {
        let key = Key::new(&["values"], &[name]);
        let indexes = vec![IndexEntry { index: Index::Name, key: Key::new(&["values", name], &["place"]) }];
        let place = indexes[0].key.partition.clone();
        let write = Write::Put {
            key: key.clone(),
            condition: Condition::Absent,
            value: value.clone(),
            expires: None,
            indexes,
        };
        subject.commit(vec![write]).await;

        assert_eq!(subject.get(&key).await.expect("the record exists").value, value);
        subject.finds(all(Source::Index(Index::Name, place)), &[&String::from_utf8_lossy(&value)]).await;
    }
    let (records, _) = subject.pages(all(Source::Partition(key::join(&["values"])))).await;
    assert_eq!(records.iter().map(|record| record.value.len()).collect::<Vec<_>>(), [300 * 1024, 256, 0]);
}

/// Serials around 2^127 and 2^159, an SSH serial of 2^64-1: in values, in keys, and in their order.
pub async fn d11_serials_and_big_numbers_come_back_unchanged(subject: Subject) {
    let mut serials: Vec<Vec<u8>> = vec![vec![0], vec![1], u64::MAX.to_be_bytes().to_vec()];
    for octets in [16, 20] {
        let mut below = vec![0xFF; octets];
        below[0] = 0x7F;
        let mut power = vec![0; octets];
        power[0] = 0x80;
        serials.extend([below, power]);
    }
    serials.push(vec![0xFF; 20]);
    let values: Vec<String> = serials
        .iter()
        .map(|serial| {
            let number = num_bigint::BigUint::from_bytes_be(serial);
            format!(r#"{{"serial":"{number}","ssh":{}}}"#, u64::MAX)
        })
        .collect();

    for (serial, value) in serials.iter().zip(&values).rev() {
        let key = Key::new(&["serials"], &[&key::serial(serial)]);
        subject.commit(vec![put(&key, Condition::Absent, value)]).await;
        assert_eq!(texts(subject.get(&key).await.as_slice()), [value.as_str()]);
    }

    let (records, _) = subject.pages(all(Source::Partition(key::join(&["serials"])))).await;
    assert_eq!(texts(&records), values);
}

/// Provisioner, account and principal names that contain what keys are glued with.
pub async fn d12_keys_of_separators_and_unicode_stay_apart(subject: Subject) {
    let parts: [&[&str]; 12] = [
        &["a", "b"],
        &["a#b"],
        &["a", "", "b"],
        &["a", "b", ""],
        &["", "a", "b"],
        &["a%23b"],
        &["a\0b"],
        &["a\nb"],
        &["é"],
        &["e\u{301}"],
        &["\u{1F510}"],
        &["\u{FFFD}"],
    ];
    let long = "n".repeat(1024);
    let longer = "n".repeat(1025);
    let parts = parts.into_iter().map(<[&str]>::to_vec).chain([vec![long.as_str()], vec![longer.as_str()]]);
    let keys: Vec<Key> =
        parts.flat_map(|parts| [Key::new(&parts, &["x"]), Key::new(&["d12"], &parts)]).collect();

    for (number, key) in keys.iter().enumerate() {
        subject.commit(vec![put(key, Condition::Absent, &number.to_string())]).await;
    }

    for (number, key) in keys.iter().enumerate() {
        let record = subject.get(key).await.expect("the record exists");
        assert_eq!((&record.key, texts(std::slice::from_ref(&record))), (key, vec![number.to_string()]));
    }
}

/// Case, accents in two spellings, and characters beyond the surrogates, which UTF-16 would sort differently.
pub async fn keys_compare_byte_by_byte(subject: Subject) {
    let sorts = ["%", "A", "B", "a", "a#", "aa", "z", "\u{7F}", "e\u{301}", "é", "\u{FFFD}", "\u{1F510}"];
    let mut expected = sorts;
    expected.sort_unstable_by_key(|sort| sort.as_bytes());
    for sort in sorts {
        let key = Key { partition: "bytes".into(), sort: sort.into() };
        subject.commit(vec![put(&key, Condition::Absent, sort)]).await;
    }

    subject.finds(all(Source::Partition("bytes".into())), &expected).await;
}
