use std::collections::HashSet;

use proptest::prelude::*;
use rstest::rstest;
use serde_json::value::to_raw_value;

use super::*;
use crate::config::Claims;

fn provisioner(id: &str, name: &str) -> Provisioner {
    Provisioner {
        id: id.to_owned(),
        name: name.to_owned(),
        kind: ProvisionerKind::Acme,
        claims: Claims::DEFAULT,
        encrypted_key: None,
        listing: to_raw_value(name).unwrap(),
        service: Service::WithoutTokens,
    }
}

fn many(count: usize) -> Provisioners {
    let list = (0..count).map(|number| {
        let name = format!("p{number}");
        provisioner(&name, &name)
    });
    Provisioners::new(list.collect(), Audiences::new(["ca.example"])).unwrap()
}

/// All pages from the first one on, as a client walks them.
fn walk(provisioners: &Provisioners, limit: i64) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut cursor = String::new();
    loop {
        let (page, next) = provisioners.page(&cursor, limit);
        pages.push(page.into_iter().map(|listing| listing.get().to_owned()).collect());
        if next.is_empty() {
            return pages;
        }
        cursor = next;
    }
}

#[rstest]
#[case::default(0, 20)]
#[case::negative(-1, 20)]
#[case::most_negative(i64::MIN, 20)]
#[case::one(1, 1)]
#[case::some(7, 7)]
#[case::most(100, 100)]
#[case::more_than_most(101, 100)]
#[case::all_there_is(i64::MAX, 100)]
fn every_provisioner_is_on_one_page_in_the_order_of_the_configuration(
    #[case] limit: i64,
    #[case] length: usize,
) {
    let provisioners = many(250);
    let expected: Vec<String> = (0..250).map(|number| format!("\"p{number}\"")).collect();

    let pages = walk(&provisioners, limit);

    assert!(pages.iter().rev().skip(1).all(|page| page.len() == length));
    assert_eq!(pages.concat(), expected);
}

#[test]
fn a_page_that_ends_with_the_list_names_no_next_one() {
    assert_eq!(walk(&many(20), 0).len(), 1);
    assert_eq!(walk(&many(0), 0), [Vec::<String>::new()]);
}

/// As step-ca writes it: the position, and sixteen octets of the SHA-1 of the id; leading zeros are cut off.
#[test]
fn the_cursor_is_that_of_step_ca() {
    let (_, next) = many(300).page("", 100);

    assert_eq!(next, "646fe1304b7ba9ce5300689b9f1480e615");
}

#[rstest]
#[case::same_id(("a", "one"), ("a", "two"), "id")]
#[case::same_name(("a", "one"), ("b", "one"), "name")]
fn two_that_could_not_be_told_apart_are_refused(
    #[case] one: (&str, &str),
    #[case] other: (&str, &str),
    #[case] what: &str,
) {
    let list = [one, other].map(|(id, name)| provisioner(id, name));

    let refused = Provisioners::new(list.into(), Audiences::new(["ca.example"])).unwrap_err();

    assert!(refused.to_string().starts_with(&format!("two provisioners have the {what} ")), "{refused}");
}

#[test]
fn a_provisioner_is_found_by_its_name_and_by_its_id() {
    let list = vec![provisioner("id-1", "one"), provisioner("id-2", "two")];
    let provisioners = Provisioners::new(list, Audiences::new(["ca.example"])).unwrap();

    assert_eq!(provisioners.by_name("two").map(|found| found.id.as_str()), Some("id-2"));
    assert_eq!(provisioners.by_id("id-1").map(|found| found.name.as_str()), Some("one"));
    assert!(provisioners.by_name("id-1").is_none() && provisioners.by_id("one").is_none());
}

/// Two provisioners may have one key; its id then finds what the later one has of it, as in step-ca.
#[test]
fn an_encrypted_key_is_found_by_the_id_of_the_key() {
    let with_key = |name: &str, key: Option<(&str, &str)>| Provisioner {
        encrypted_key: key.map(|(id, jwe)| (id.to_owned(), jwe.to_owned())),
        ..provisioner(name, name)
    };
    let list = vec![
        with_key("a", Some(("kid", "first"))),
        with_key("b", Some(("kid", "second"))),
        with_key("c", None),
    ];
    let provisioners = Provisioners::new(list, Audiences::new(["ca.example"])).unwrap();

    assert_eq!(provisioners.encrypted_key("kid"), Some("second"));
    assert_eq!(provisioners.encrypted_key("other"), None);
}

proptest! {
    /// Any cursor gets an answer, and walking on from it ends.
    #[test]
    fn any_cursor_leads_to_the_end(cursor in "\\PC{0,60}|[0-9a-f]{0,40}", limit in -5_i64..30) {
        let provisioners = many(50);
        let mut seen = HashSet::new();
        let (_, mut next) = provisioners.page(&cursor, limit);
        while !next.is_empty() {
            prop_assert!(seen.insert(next.clone()), "{next} came twice");
            next = provisioners.page(&next, limit).1;
        }
    }
}
