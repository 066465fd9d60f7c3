use proptest::prelude::*;

use super::*;

#[test]
fn t4_the_mark_of_a_token_is_that_of_its_provisioner_and_its_id() {
    let mark = |provisioner, id, signed| spent_mark(provisioner, id, signed);

    assert_eq!(mark("p", Some("id"), "one"), mark("p", Some("id"), "two"));
    assert_ne!(mark("p", Some("id"), "one"), mark("q", Some("id"), "one"));
    assert_ne!(mark("p", Some("id"), "one"), mark("p", Some("ID"), "one"));
}

/// An id that is empty is none.
#[test]
fn t4_the_mark_of_a_token_without_an_id_is_that_of_what_is_signed() {
    assert_eq!(spent_mark("p", None, "signed"), spent_mark("p", Some(""), "signed"));
    assert_ne!(spent_mark("p", None, "signed"), spent_mark("p", None, "other"));
    // Whoever chooses an id does not meet a token without one.
    assert_ne!(spent_mark("p", None, "signed"), spent_mark("p", Some("signed"), "signed"));
}

proptest! {
    /// Whatever provisioner and id contain, different ones have different marks.
    #[test]
    fn d12_different_tokens_have_different_marks(
        one in ("[a#:\0]{0,4}", "[a#:\0]{1,4}"),
        other in ("[a#:\0]{0,4}", "[a#:\0]{1,4}"),
    ) {
        let mark = |(provisioner, id): &(String, String)| spent_mark(provisioner, Some(id), "signed");

        prop_assert_eq!(one == other, mark(&one) == mark(&other));
    }
}
