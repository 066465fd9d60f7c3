//! Whom a validation contacts, counted at listeners.

use std::net::IpAddr;

use hickory_resolver::proto::rr::RecordType;
use rstest::rstest;
use stepless_core::acme::{ProbeErrorKind, ProbeHost, ProbeLimits, Prober};

use super::dns_server::{DnsServer, Records, Role, address};
use super::web_server::{WebServer, ok, redirect};
use super::{PATH, host, limits_to, local, prober};

/// 127.0.0.2 alone may be contacted.
fn only_the_second() -> ProbeLimits {
    limits_to(&["127.0.0.2/32"])
}

#[rstest]
#[case("127.0.0.1")]
#[case("127.1.2.3")]
#[case("0.0.0.0")]
#[case("169.254.169.254")]
#[case("100.100.100.200")]
#[case("168.63.129.16")]
#[case("::1")]
#[case("::")]
#[case("fe80::1")]
#[case("fd00:ec2::254")]
#[case("::ffff:127.0.0.1")]
#[case("::ffff:169.254.169.254")]
#[case("::127.0.0.1")]
#[case("64:ff9b::a9fe:a9fe")]
#[case("64:ff9b::7f00:1")]
#[case("64:ff9b:1::7f00:1")]
#[case("2002:7f00:1::1")]
#[tokio::test]
async fn n1_a_name_or_an_address_that_leads_home_or_to_metadata_opens_no_connection(#[case] text: &str) {
    let four = WebServer::counting(local(1), 0).await;
    let six = WebServer::counting("::1".parse().unwrap(), four.address.port()).await;
    let target: IpAddr = text.parse().unwrap();
    let records = Records::new([address("a.example", target)]);
    let resolver = DnsServer::with(local(1), 0, Role::Resolver, records).await;
    let prober = prober(resolver.address, four.address.port());

    for host in [host("a.example"), ProbeHost::Ip(target)] {
        let http = prober.http(&host, PATH, &only_the_second()).await.unwrap_err();
        let tls = prober.tls_alpn(&host, &only_the_second()).await.unwrap_err();

        for error in [http, tls] {
            let ProbeErrorKind::Refused { address, .. } = error.kind else { panic!("{error}") };
            assert_eq!(address, target.to_canonical());
            assert!(!error.may_heal && error.tried.is_empty(), "{error:?}");
            assert!(error.detail().ends_with("which is not contacted"), "{error}");
        }
    }
    assert_eq!((four.requests().len(), six.requests().len()), (0, 0));
}

#[tokio::test]
async fn n1_of_several_addresses_only_the_allowed_ones_are_dialled() {
    let bad = WebServer::counting(local(1), 0).await;
    let good = WebServer::start(local(2), bad.address.port(), |_| ok("x")).await;
    let records = Records::new([address("a.example", local(1)), address("a.example", local(2))]);
    let resolver = DnsServer::with(local(1), 0, Role::Resolver, records).await;

    let answer =
        prober(resolver.address, bad.address.port()).http(&host("a.example"), PATH, &only_the_second()).await;

    assert_eq!(answer.unwrap().address, good.address);
    assert_eq!(bad.requests().len(), 0);
}

#[tokio::test]
async fn n1_a_redirect_to_a_refused_address_opens_no_connection() {
    let bad = WebServer::counting(local(1), 0).await;
    let port = bad.address.port();
    let good =
        WebServer::start(local(2), port, move |_| redirect(302, &format!("http://b.example:{port}/x"))).await;
    let records = Records::new([address("a.example", local(2)), address("b.example", local(1))]);
    let resolver = DnsServer::with(local(1), 0, Role::Resolver, records).await;

    let error =
        prober(resolver.address, port).http(&host("a.example"), PATH, &only_the_second()).await.unwrap_err();

    assert!(matches!(error.kind, ProbeErrorKind::Refused { address, .. } if address == local(1)), "{error}");
    assert_eq!(error.tried, [good.address]);
    assert_eq!(bad.requests().len(), 0);
}

/// Every spelling of 127.0.0.1 and of the metadata address that a URL may have.
#[rstest]
#[case("127.0.0.1")]
#[case("2130706433")]
#[case("0x7f000001")]
#[case("0177.0.0.1")]
#[case("127.1")]
#[case("127.0.0.1.")]
#[case("%31%32%37.0.0.1")]
#[case("[::1]")]
#[case("[::ffff:127.0.0.1]")]
#[case("[::127.0.0.1]")]
#[case("0")]
#[case("169.254.169.254")]
#[case("2852039166")]
#[case("[64:ff9b::a9fe:a9fe]")]
#[tokio::test]
async fn n1_no_spelling_of_a_refused_address_in_a_redirect_opens_a_connection(#[case] spelling: &str) {
    let bad = WebServer::counting(local(1), 0).await;
    let port = bad.address.port();
    let six = WebServer::counting("::1".parse().unwrap(), port).await;
    let location = format!("http://{spelling}:{port}/x");
    let _good = WebServer::start(local(2), port, move |_| redirect(302, &location)).await;
    let records = Records::new([address("a.example", local(2))]);
    let resolver = DnsServer::with(local(1), 0, Role::Resolver, records).await;
    let prober = prober(resolver.address, port);

    // A name may not be redirected to an address at all; an address may, if that one is allowed.
    let of_name = prober.http(&host("a.example"), PATH, &only_the_second()).await.unwrap_err();
    let of_address = prober.http(&ProbeHost::Ip(local(2)), PATH, &only_the_second()).await.unwrap_err();

    assert_eq!(of_name.kind, ProbeErrorKind::Http, "{of_name}");
    assert!(matches!(of_address.kind, ProbeErrorKind::Refused { .. }), "{of_address}");
    assert_eq!((bad.requests().len(), six.requests().len()), (0, 0));
}

#[tokio::test]
async fn n3_a_name_is_resolved_once_and_what_was_judged_is_dialled() {
    let bad = WebServer::counting(local(1), 0).await;
    let port = bad.address.port();
    let good = WebServer::start(local(2), port, |_| ok("x")).await;
    // The first answer is allowed; every later one is not.
    let (first, later) = ([address("a.example", local(2))], [address("a.example", local(1))]);
    let records = Records::new(first);
    let table = records.clone();
    let resolver = DnsServer::start(local(1), 0, move |request, _| {
        let answer = table.answer(request, Role::Resolver);
        if request.queries[0].query_type == RecordType::A {
            table.replace(later.clone());
        }
        vec![answer]
    })
    .await;
    let prober = prober(resolver.address, port);

    assert_eq!(
        prober.http(&host("a.example"), PATH, &only_the_second()).await.unwrap().address,
        good.address
    );
    assert_eq!(resolver.names_asked(RecordType::A), ["a.example."]);

    let error = prober.http(&host("a.example"), PATH, &only_the_second()).await.unwrap_err();
    assert!(matches!(error.kind, ProbeErrorKind::Refused { .. }), "{error}");
    assert_eq!(bad.requests().len(), 0);
}

#[tokio::test]
async fn n3_every_hop_is_resolved_and_judged_again() {
    let bad = WebServer::counting(local(1), 0).await;
    let port = bad.address.port();
    let records = Records::new([address("a.example", local(2))]);
    let table = records.clone();
    let _good = WebServer::start(local(2), port, move |_| {
        table.replace([address("a.example", local(1))]);
        redirect(302, "/again")
    })
    .await;
    let resolver = DnsServer::with(local(1), 0, Role::Resolver, records).await;

    let error =
        prober(resolver.address, port).http(&host("a.example"), PATH, &only_the_second()).await.unwrap_err();

    assert!(matches!(error.kind, ProbeErrorKind::Refused { .. }), "{error}");
    assert_eq!(bad.requests().len(), 0);
}
