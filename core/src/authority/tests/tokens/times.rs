//! Tokens and clocks: before the authority began, after the token ended, and when a clock jumps.

use rstest::rstest;

use super::{Scene, Token};
use crate::authority::AuthorityError;
use crate::authority::tests::bench::{by_token, sign};
use crate::clock::Timestamp;
use crate::provisioner::TokenError;

#[tokio::test]
async fn l14_a_token_from_before_the_authority_is_refused() {
    let scene = Scene::new().await;
    let created = scene.world.now().as_second();
    let issued_at = |second: i64, token: Token| token.with("iat", second).with("nbf", second);

    let old = issued_at(created - 61, scene.token()).mint(&scene.world.admin);
    let renewal = issued_at(created - 61, Token::renewing(&scene.world, &scene.certificate));
    let in_time = issued_at(created - 60, scene.token()).mint(&scene.world.admin);

    assert!(matches!(scene.sign(&old).await, Err(AuthorityError::Token(TokenError::BeforeAuthority { .. }))));
    assert!(matches!(
        scene.authority.renew(&by_token(renewal.mint(&scene.holder))).await,
        Err(AuthorityError::Token(TokenError::BeforeAuthority { .. }))
    ));
    // A process that starts later asks the store when the authority began.
    scene.world.clock.advance(120);
    let later = scene.world.authority().await;
    sign(&later, &scene.csr, &in_time).await.unwrap();
}

#[rstest]
#[case::at_its_first_second(0, true)]
#[case::with_the_leeway_at_its_end(359, true)]
#[case::after_its_end(360, false)]
#[case::an_hour_early(-3600, false)]
#[case::a_year_late(365 * 86400, false)]
#[tokio::test]
async fn l11_a_clock_that_jumps_spends_no_token_and_lets_none_in(#[case] jump: i64, #[case] good: bool) {
    let scene = Scene::new().await;
    let token = scene.token().mint(&scene.world.admin);

    scene.world.clock.advance(jump);
    let answer = scene.sign(&token).await;
    scene.world.clock.advance(-jump);

    assert_eq!(answer.is_ok(), good, "{answer:?}");
    // Once spent it stays spent; never spent it is still good.
    assert_eq!(scene.sign(&token).await.is_ok(), !good);
}

/// A clock that runs an hour ahead lets the store forget the mark; once it is set right the token would be good again.
#[tokio::test]
async fn l11_d9_the_mark_of_a_token_outlives_a_clock_that_ran_ahead() {
    let scene = Scene::new().await;
    let token = scene.token().mint(&scene.world.admin);
    scene.sign(&token).await.unwrap();

    scene.world.clock.advance(3600);
    // Commits remove what has expired.
    let another = scene.token().mint(&scene.world.admin);
    scene.sign(&another).await.unwrap();
    scene.world.clock.advance(-3600);

    assert!(matches!(scene.sign(&token).await, Err(AuthorityError::TokenUsed)));
}

#[tokio::test]
async fn a_token_that_ends_with_the_calendar_is_spent_all_the_same() {
    let scene = Scene::new().await;
    let end = Timestamp::MAX.as_second() - 1;
    let token = scene.token().with("exp", end).mint(&scene.world.admin);

    scene.sign(&token).await.unwrap();

    assert!(matches!(scene.sign(&token).await, Err(AuthorityError::TokenUsed)));
}
