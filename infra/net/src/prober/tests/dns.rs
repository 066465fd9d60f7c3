//! One question and its answers: transport, forgeries, failures, search domains.

use std::collections::BTreeSet;
use std::io::Write;

use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::RecordType;
use rstest::rstest;
use stepless_core::acme::{CaaRecord, ProbeErrorKind, Prober};
use tokio::net::UdpSocket;

use super::dns_server::{
    DnsServer, Records, Role, Transport, absolute, address, caa, cname, empty, soa, txt,
};
use super::{PATH, host, limits, local, name, prober, soon};
use crate::prober::dns::ResolverSource;

/// An answer to a CAA question.
fn caa_answer(request: &Message, value: &str) -> Message {
    let mut answer = empty(request, ResponseCode::NoError);
    answer.answers.push(caa("a.example", false, "issue", value));
    answer
}

fn values(records: &[CaaRecord]) -> Vec<String> {
    records.iter().map(|record| String::from_utf8(record.value.clone()).unwrap()).collect()
}

#[tokio::test]
async fn caa_records_are_found_behind_cnames_and_at_no_other_name() {
    let records = Records::new([
        caa("a.example", true, "issueWild", "ca.example; x=y"),
        cname("b.example", "c.example"),
        cname("c.example", "a.example"),
        soa("example"),
    ]);
    let resolver = DnsServer::with(local(1), 0, Role::Resolver, records).await;
    let prober = prober(resolver.address, 1);
    let expected =
        CaaRecord { critical: true, tag: "issueWild".to_owned(), value: b"ca.example; x=y".to_vec() };

    assert_eq!(prober.caa(&name("a.example"), &limits()).await, Ok(vec![expected.clone()]));
    assert_eq!(prober.caa(&name("B.example"), &limits()).await, Ok(vec![expected]));
    assert_eq!(prober.caa(&name("x.a.example"), &limits()).await, Ok(Vec::new()));
}

#[tokio::test]
async fn a_server_that_follows_no_cname_is_asked_for_the_target() {
    let records = Records::new([cname("b.example", "a.example"), caa("a.example", false, "issue", "x")]);
    let server = DnsServer::with(local(1), 0, Role::Authoritative, records).await;

    let found = prober(server.address, 1).caa(&name("b.example"), &limits()).await.unwrap();

    assert_eq!(values(&found), ["x"]);
    assert_eq!(server.names_asked(RecordType::CAA), ["b.example.", "a.example."]);
}

#[tokio::test]
async fn n8_cnames_in_a_circle_are_an_error() {
    let records = Records::new([cname("a.example", "b.example"), cname("b.example", "a.example")]);
    let resolver = DnsServer::with(local(1), 0, Role::Resolver, records).await;

    let error = prober(resolver.address, 1).caa(&name("a.example"), &limits()).await.unwrap_err();

    assert_eq!(error.kind, ProbeErrorKind::Dns);
    assert_eq!(error.detail(), "CAA a.example: more than 10 CNAMEs from a.example");
}

#[tokio::test]
async fn n7_a_truncated_answer_is_asked_for_over_tcp_and_its_part_is_not_used() {
    let resolver = DnsServer::start(local(1), 0, |request, transport| {
        let mut answer = caa_answer(request, if transport == Transport::Udp { "part" } else { "whole" });
        answer.metadata.truncation = transport == Transport::Udp;
        vec![answer]
    })
    .await;

    let found = prober(resolver.address, 1).caa(&name("a.example"), &limits()).await.unwrap();

    assert_eq!(values(&found), ["whole"]);
    assert_eq!(
        resolver.asked().iter().map(|asked| asked.transport).collect::<Vec<_>>(),
        [Transport::Udp, Transport::Tcp]
    );
}

#[tokio::test]
async fn n7_an_answer_that_is_truncated_over_tcp_as_well_is_an_error() {
    let resolver = DnsServer::start(local(1), 0, |request, _| {
        let mut answer = caa_answer(request, "part");
        answer.metadata.truncation = true;
        vec![answer]
    })
    .await;

    let error = prober(resolver.address, 1).caa(&name("a.example"), &limits()).await.unwrap_err();

    assert!(error.may_heal);
    let detail = format!(
        "CAA a.example: CAA a.example from the resolver: {}: the answer is truncated",
        resolver.address
    );
    assert_eq!(error.detail(), detail);
}

#[rstest]
#[case(ResponseCode::ServFail, "SERVFAIL")]
#[case(ResponseCode::Refused, "REFUSED")]
#[case(ResponseCode::FormErr, "FORMERR")]
#[case(ResponseCode::YXDomain, "code 6")]
#[tokio::test]
async fn n8_a_resolver_that_fails_is_an_error_that_may_heal(#[case] code: ResponseCode, #[case] word: &str) {
    let resolver = DnsServer::start(local(1), 0, move |request, _| vec![empty(request, code)]).await;
    let prober = prober(resolver.address, 1);

    let txt = prober.txt(&name("a.example"), &limits()).await.unwrap_err();
    let caa = prober.caa(&name("a.example"), &limits()).await.unwrap_err();
    let http = prober.http(&host("a.example"), PATH, &limits()).await.unwrap_err();
    let tls = prober.tls_alpn(&host("a.example"), &limits()).await.unwrap_err();

    for error in [txt, caa, http, tls] {
        assert_eq!((error.kind, error.may_heal), (ProbeErrorKind::Dns, true), "{error}");
        assert!(error.detail().contains(word), "{error}");
    }
}

#[tokio::test]
async fn n8_a_resolver_that_keeps_still_is_an_error_that_may_heal() {
    let resolver = DnsServer::start(local(1), 0, |_, _| Vec::new()).await;
    let prober = prober(resolver.address, 1);

    let txt = prober.txt(&name("a.example"), &soon()).await.unwrap_err();
    let caa = prober.caa(&name("a.example"), &soon()).await.unwrap_err();
    let http = prober.http(&host("a.example"), PATH, &soon()).await.unwrap_err();

    for error in [txt, caa, http] {
        assert_eq!((error.kind, error.may_heal), (ProbeErrorKind::Dns, true), "{error}");
        assert!(error.detail().contains("no answer within 0."), "{error}");
    }
}

#[tokio::test]
async fn n8_a_referral_is_not_the_absence_of_a_record() {
    let resolver = DnsServer::start(local(1), 0, |request, _| {
        let mut answer = empty(request, ResponseCode::NoError);
        answer.metadata.recursion_available = false;
        answer.authorities.push(super::dns_server::ns("example", "ns.example"));
        vec![answer]
    })
    .await;

    let error = prober(resolver.address, 1).caa(&name("a.example"), &limits()).await.unwrap_err();

    assert!(error.may_heal && error.detail().ends_with("a referral instead of an answer"), "{error}");
}

#[tokio::test]
async fn n8_the_next_resolver_answers_when_one_fails_or_keeps_still() {
    let fails =
        DnsServer::start(local(1), 0, |request, _| vec![empty(request, ResponseCode::ServFail)]).await;
    let still = DnsServer::start(local(1), 0, |_, _| Vec::new()).await;
    let works = DnsServer::start(local(1), 0, |request, _| vec![caa_answer(request, "x")]).await;
    let mut prober = prober(works.address, 1);
    prober.resolvers = ResolverSource::Given(vec![fails.address, still.address, works.address]);

    assert_eq!(values(&prober.caa(&name("a.example"), &limits()).await.unwrap()), ["x"]);
}

#[tokio::test]
async fn n8_answers_with_another_id_or_question_are_ignored() {
    let resolver = DnsServer::start(local(1), 0, |request, _| {
        let mut other_id = caa_answer(request, "other id");
        other_id.metadata.id = request.id.wrapping_add(1);
        let mut other_name = caa_answer(request, "other name");
        other_name.queries[0].name = absolute("b.example");
        let mut other_kind = caa_answer(request, "other kind");
        other_kind.queries[0].query_type = RecordType::TXT;
        let mut no_question = caa_answer(request, "no question");
        no_question.queries.clear();
        vec![other_id, other_name, other_kind, no_question, caa_answer(request, "right")]
    })
    .await;

    let found = prober(resolver.address, 1).caa(&name("a.example"), &limits()).await.unwrap();

    assert_eq!(values(&found), ["right"]);
}

#[tokio::test]
async fn n8_an_answer_from_another_port_is_ignored() {
    let resolver = UdpSocket::bind((local(1), 0)).await.unwrap();
    let stranger = UdpSocket::bind((local(1), 0)).await.unwrap();
    let prober = prober(resolver.local_addr().unwrap(), 1);
    let server = tokio::spawn(async move {
        let mut buffer = [0; 512];
        let (length, from) = resolver.recv_from(&mut buffer).await.unwrap();
        let request = Message::from_vec(&buffer[..length]).unwrap();
        stranger.send_to(&caa_answer(&request, "forged").to_vec().unwrap(), from).await.unwrap();
        resolver.send_to(&caa_answer(&request, "right").to_vec().unwrap(), from).await.unwrap();
    });

    let found = prober.caa(&name("a.example"), &limits()).await.unwrap();

    server.await.unwrap();
    assert_eq!(values(&found), ["right"]);
}

#[tokio::test]
async fn n8_a_server_that_writes_the_question_in_other_letters_is_asked_over_tcp() {
    const NAME: &str = "a-name-of-many-letters-some-of-which-are-in-upper-case.example";
    let resolver = DnsServer::start(local(1), 0, |request, transport| {
        let mut answer = empty(request, ResponseCode::NoError);
        answer.queries[0].name = answer.queries[0].name.to_lowercase();
        answer.answers.push(caa(
            NAME,
            false,
            "issue",
            if transport == Transport::Udp { "udp" } else { "tcp" },
        ));
        vec![answer]
    })
    .await;

    let found = prober(resolver.address, 1).caa(&name(NAME), &limits()).await.unwrap();

    assert_eq!(values(&found), ["tcp"]);
    let asked = resolver.asked();
    assert_eq!(
        asked.iter().map(|asked| asked.transport).collect::<Vec<_>>(),
        [Transport::Udp, Transport::Tcp]
    );
    assert_ne!(asked[0].name, asked[0].name.to_lowercase());
}

#[tokio::test]
async fn n8_ids_and_ports_and_letters_differ_from_question_to_question() {
    let resolver = DnsServer::with(local(1), 0, Role::Resolver, Records::default()).await;
    let prober = prober(resolver.address, 1);
    for _ in 0..8 {
        prober.caa(&name("abcdefghijklmnopqrstuvwxyz.example"), &limits()).await.unwrap();
    }

    let asked = resolver.asked();

    assert!(asked.iter().map(|asked| asked.id).collect::<BTreeSet<_>>().len() > 4, "{asked:?}");
    assert!(asked.iter().map(|asked| asked.from.port()).collect::<BTreeSet<_>>().len() > 4, "{asked:?}");
    assert!(asked.iter().map(|asked| &asked.name).collect::<BTreeSet<_>>().len() > 4, "{asked:?}");
    assert!(asked.iter().all(|asked| asked.recursion_desired));
}

#[tokio::test]
async fn a_server_that_does_not_know_edns_is_asked_without() {
    let resolver = DnsServer::start(local(1), 0, |request, _| {
        vec![if request.edns.is_some() {
            empty(request, ResponseCode::FormErr)
        } else {
            caa_answer(request, "x")
        }]
    })
    .await;

    assert_eq!(values(&prober(resolver.address, 1).caa(&name("a.example"), &limits()).await.unwrap()), ["x"]);
}

#[tokio::test]
async fn n9_names_are_asked_for_as_they_are_whatever_the_search_domains() {
    let resolver = DnsServer::with(local(1), 0, Role::Resolver, Records::default()).await;
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(
        b"search corp.example other.example\noptions ndots:5 timeout:1\nnameserver 127.0.0.1\nnonsense\n",
    )
    .unwrap();
    let mut prober = prober(resolver.address, 1);
    prober.resolvers = ResolverSource::File { path: file.path().to_owned(), port: resolver.address.port() };

    prober.http(&host("a"), PATH, &limits()).await.unwrap_err();
    prober.caa(&name("b.c"), &limits()).await.unwrap();
    prober.txt(&name("_acme-challenge.d"), &limits()).await.unwrap();

    assert_eq!(resolver.names_asked(RecordType::A), ["a."]);
    assert_eq!(resolver.names_asked(RecordType::AAAA), ["a."]);
    assert_eq!(resolver.names_asked(RecordType::CAA), ["b.c."]);
    assert_eq!(resolver.names_asked(RecordType::TXT), ["_acme-challenge.d."]);
    assert_eq!(resolver.names_asked(RecordType::NS), ["_acme-challenge.d.", "d."]);
}

#[test]
fn the_resolvers_of_a_file_are_asked_in_order_and_without_one_this_machine() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(
        b"nameserver 192.0.2.1\nnameserver fe80::1%7\nnameserver 192.0.2.3\nnameserver 192.0.2.4\n",
    )
    .unwrap();
    let servers = |path: &std::path::Path| {
        let source = ResolverSource::File { path: path.to_owned(), port: 53 };
        source.servers().unwrap().iter().map(ToString::to_string).collect::<Vec<_>>()
    };

    assert_eq!(servers(file.path()), ["192.0.2.1:53", "[fe80::1%7]:53", "192.0.2.3:53"]);
    assert_eq!(servers("/nonexistent/resolv.conf".as_ref()), ["127.0.0.1:53", "[::1]:53"]);
}

#[tokio::test]
async fn the_strings_of_a_record_are_joined() {
    let records = Records::new([txt("a.example", &["one", "", " two"]), txt("a.example", &["three"])]);
    let resolver = DnsServer::with(local(1), 0, Role::Resolver, records).await;

    let answer = prober(resolver.address, 1).txt(&name("a.example"), &limits()).await.unwrap();

    assert_eq!(answer.records, [b"one two".to_vec(), b"three".to_vec()]);
}

#[tokio::test]
async fn a_record_of_another_name_is_not_an_answer() {
    let resolver = DnsServer::start(local(1), 0, |request, _| {
        let mut answer = empty(request, ResponseCode::NoError);
        answer.answers.push(caa("b.example", false, "issue", "x"));
        answer.answers.push(address("a.example", local(1)));
        vec![answer]
    })
    .await;

    assert_eq!(prober(resolver.address, 1).caa(&name("a.example"), &limits()).await, Ok(Vec::new()));
}
