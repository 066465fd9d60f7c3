//! TXT records from the servers of a zone, and from the resolver where those give none.

use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Record, RecordType};
use stepless_core::acme::{DnsSource, Prober, TxtAnswer};

use super::dns_server::{DnsServer, Records, Role, address, cname, empty, ns, soa, txt};
use super::{limits, limits_to, local, name, prober};

const NAME: &str = "_acme-challenge.www.a.example";

/// What the resolver knows of the zone a.example, whose server lives at 127.0.0.2.
fn delegation() -> Vec<Record> {
    vec![soa("a.example"), ns("a.example", "ns.a.example"), address("ns.a.example", local(2))]
}

async fn resolver(records: impl IntoIterator<Item = Record>) -> DnsServer {
    DnsServer::with(local(1), 0, Role::Resolver, Records::new(records)).await
}

async fn zone(n: u8, resolver: &DnsServer, records: impl IntoIterator<Item = Record>) -> DnsServer {
    let port = resolver.address.port();
    DnsServer::with(local(n), port, Role::Authoritative, Records::new(records)).await
}

async fn look_up(resolver: &DnsServer) -> TxtAnswer {
    prober(resolver.address, 1).txt(&name(NAME), &limits()).await.unwrap()
}

fn of_zone(zone: &str) -> DnsSource {
    DnsSource::Authoritative { zone: zone.to_owned() }
}

#[tokio::test]
async fn the_servers_of_the_zone_are_asked_and_not_the_cache_of_the_resolver() {
    let mut known = delegation();
    known.push(txt(NAME, &["stale"]));
    let resolver = resolver(known).await;
    let server = zone(2, &resolver, [txt(NAME, &["fresh"])]).await;

    let answer = look_up(&resolver).await;

    assert_eq!(answer.records, [b"fresh"]);
    assert_eq!((answer.source, answer.servers), (of_zone("a.example"), vec![server.address]));
    assert_eq!(answer.name, NAME);
    assert!(server.asked().iter().all(|asked| !asked.recursion_desired));
    assert!(resolver.asked().iter().all(|asked| asked.recursion_desired));
    assert_eq!(resolver.names_asked(RecordType::TXT), Vec::<String>::new());
    // The SOA of the first answer led to the zone: www.a.example was not asked for.
    assert_eq!(resolver.names_asked(RecordType::NS), [format!("{NAME}."), "a.example.".to_owned()]);
}

#[tokio::test]
async fn nothing_is_remembered_from_one_look_up_to_the_next() {
    let resolver = resolver(delegation()).await;
    let records = Records::new([txt(NAME, &["first"])]);
    let port = resolver.address.port();
    let _server = DnsServer::with(local(2), port, Role::Authoritative, records.clone()).await;
    assert_eq!(look_up(&resolver).await.records, [b"first"]);

    records.replace([txt(NAME, &["second"])]);

    assert_eq!(look_up(&resolver).await.records, [b"second"]);
}

#[tokio::test]
async fn a_delegated_challenge_name_has_servers_of_its_own() {
    let mut known = delegation();
    known.extend([ns(NAME, "ns.acme.example"), address("ns.acme.example", local(3))]);
    let resolver = resolver(known).await;
    let _parent = zone(2, &resolver, [txt(NAME, &["parent"])]).await;
    let child = zone(3, &resolver, [txt(NAME, &["child"])]).await;

    let answer = look_up(&resolver).await;

    assert_eq!((answer.records, answer.servers), (vec![b"child".to_vec()], vec![child.address]));
}

#[tokio::test]
async fn a_cname_leads_to_the_servers_of_another_zone() {
    let mut known = delegation();
    // The resolver still knows an older target.
    known.push(cname(NAME, "old.a.example"));
    known.extend([soa("b.example"), ns("b.example", "ns.b.example"), address("ns.b.example", local(3))]);
    let resolver = resolver(known).await;
    // The first zone also claims records of the second one.
    let records = [cname(NAME, "t.b.example"), txt("t.b.example", &["forged"])];
    let first = zone(2, &resolver, records).await;
    let second = zone(3, &resolver, [txt("t.b.example", &["right"])]).await;

    let answer = look_up(&resolver).await;

    assert_eq!((answer.records, answer.source), (vec![b"right".to_vec()], of_zone("b.example")));
    assert_eq!((answer.name.as_str(), answer.servers), ("t.b.example", vec![second.address]));
    assert_eq!(first.asked().len(), 1);
}

#[tokio::test]
async fn servers_that_differ_are_all_heard() {
    let mut known = delegation();
    known.extend([ns("a.example", "ns2.a.example"), address("ns2.a.example", local(3))]);
    let resolver = resolver(known).await;
    let _old = zone(2, &resolver, [txt(NAME, &["old"])]).await;
    let _new = zone(3, &resolver, [txt(NAME, &["old"]), txt(NAME, &["new"])]).await;

    let answer = look_up(&resolver).await;

    assert_eq!(answer.records, [b"new", b"old"]);
    assert_eq!(answer.servers.len(), 2);
}

#[tokio::test]
async fn n8_one_dead_server_does_not_hide_the_record() {
    let mut known = delegation();
    known.extend([ns("a.example", "ns2.a.example"), address("ns2.a.example", local(3))]);
    let resolver = resolver(known).await;
    let port = resolver.address.port();
    let _dead = DnsServer::start(local(2), port, |_, _| Vec::new()).await;
    let works = zone(3, &resolver, [txt(NAME, &["x"])]).await;

    let answer = look_up(&resolver).await;

    assert_eq!((answer.records, answer.servers), (vec![b"x".to_vec()], vec![works.address]));
}

#[tokio::test]
async fn the_resolver_answers_when_the_servers_cannot_be_found() {
    let resolver = resolver([txt(NAME, &["x"])]).await;

    let answer = look_up(&resolver).await;

    assert_eq!((answer.records, answer.source), (vec![b"x".to_vec()], DnsSource::Resolver));
    assert_eq!(answer.servers, [resolver.address]);
}

#[tokio::test]
async fn n8_a_server_that_fails_or_has_no_authority_is_no_absence_and_the_resolver_answers() {
    let mut known = delegation();
    known.push(txt(NAME, &["x"]));
    for code in [ResponseCode::ServFail, ResponseCode::Refused, ResponseCode::NoError, ResponseCode::NXDomain]
    {
        let resolver = resolver(known.clone()).await;
        let port = resolver.address.port();
        let lame = DnsServer::start(local(2), port, move |request, _| vec![empty(request, code)]).await;

        let answer = look_up(&resolver).await;

        assert_eq!((answer.records, answer.source), (vec![b"x".to_vec()], DnsSource::Resolver), "{code}");
        assert!(!lame.asked().is_empty());
    }
}

#[tokio::test]
async fn a_record_of_the_resolver_s_own_view_is_found() {
    let mut known = delegation();
    known.push(txt(NAME, &["inside"]));
    let resolver = resolver(known).await;
    let server = zone(2, &resolver, [soa("a.example")]).await;

    let answer = look_up(&resolver).await;

    assert_eq!((answer.records, answer.source), (vec![b"inside".to_vec()], DnsSource::Resolver));
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn no_such_record_is_an_empty_answer_of_the_zone() {
    let resolver = resolver(delegation()).await;
    let server = zone(2, &resolver, [soa("a.example")]).await;

    let answer = look_up(&resolver).await;

    assert_eq!((answer.records.len(), answer.source), (0, of_zone("a.example")));
    assert_eq!(answer.servers, [server.address]);
}

#[tokio::test]
async fn n8_neither_the_zone_nor_the_resolver_is_an_error_that_names_both() {
    let mut known = delegation();
    known.push(txt(NAME, &["x"]));
    let known = Records::new(known);
    let resolver = DnsServer::start(local(1), 0, move |request, _| {
        let fails = request.queries[0].query_type == RecordType::TXT;
        vec![if fails {
            empty(request, ResponseCode::ServFail)
        } else {
            known.answer(request, Role::Resolver)
        }]
    })
    .await;
    let port = resolver.address.port();
    let server =
        DnsServer::start(local(2), port, |request, _| vec![empty(request, ResponseCode::Refused)]).await;

    let error = prober(resolver.address, 1).txt(&name(NAME), &limits()).await.unwrap_err();

    assert!(error.may_heal);
    assert_eq!(error.tried, [server.address]);
    let detail = format!(
        "TXT {NAME}: the name servers of a.example: {}: REFUSED; TXT {NAME} from the resolver: {}: SERVFAIL",
        server.address, resolver.address
    );
    assert_eq!(error.detail(), detail);
}

#[tokio::test]
async fn n1_a_name_server_at_a_refused_address_is_not_contacted() {
    let mut known = delegation();
    known.push(txt(NAME, &["of the resolver"]));
    let resolver = resolver(known).await;
    let server = zone(2, &resolver, [txt(NAME, &["of the zone"])]).await;

    let answer = prober(resolver.address, 1).txt(&name(NAME), &limits_to(&[])).await.unwrap();

    assert_eq!(answer.records, [b"of the resolver"]);
    assert_eq!(server.asked().len(), 0);
}
