use rstest::rstest;

use super::*;

const PORTS: WebPorts = WebPorts { http: 80, https: 443 };

fn of_name() -> WebTarget {
    let host = ProbeHost::Dns("a.example".parse().unwrap());
    WebTarget::first(&host, "/.well-known/acme-challenge/t", PORTS).unwrap()
}

fn of_address(address: &str) -> WebTarget {
    WebTarget::first(&ProbeHost::Ip(address.parse().unwrap()), "/t", PORTS).unwrap()
}

#[rstest]
#[case("http://b.example/x", "http://b.example/x", 80, "b.example")]
#[case("https://b.example", "https://b.example/", 443, "b.example")]
#[case("https://b.example:443/x?y=z#part", "https://b.example/x?y=z", 443, "b.example")]
#[case("HTTP://B.Example:80/X", "http://b.example/X", 80, "b.example")]
#[case("//b.example/x", "http://b.example/x", 80, "b.example")]
#[case("/x", "http://a.example/x", 80, "a.example")]
#[case("x", "http://a.example/.well-known/acme-challenge/x", 80, "a.example")]
#[case("http://bücher.example/", "http://xn--bcher-kva.example/", 80, "xn--bcher-kva.example")]
fn n4_a_redirect_to_a_name_on_the_web_ports_is_followed(
    #[case] location: &str,
    #[case] url: &str,
    #[case] port: u16,
    #[case] host_field: &str,
) {
    let target = of_name().redirected(location.as_bytes(), PORTS).unwrap();

    assert_eq!((target.as_str(), target.port(PORTS), target.host_field()), (url, port, host_field));
}

#[rstest]
#[case::scheme("ftp://b.example/x", RedirectError::Scheme("ftp".to_owned()))]
#[case::scheme("gopher://b.example/x", RedirectError::Scheme("gopher".to_owned()))]
#[case::scheme("file:///etc/passwd", RedirectError::Scheme("file".to_owned()))]
#[case::scheme("data:text/plain,x", RedirectError::Scheme("data".to_owned()))]
#[case::port("http://b.example:8080/", RedirectError::Port { port: 8080, scheme: "http", expected: 80 })]
#[case::port("http://b.example:443/", RedirectError::Port { port: 443, scheme: "http", expected: 80 })]
#[case::port("https://b.example:80/", RedirectError::Port { port: 80, scheme: "https", expected: 443 })]
#[case::port("https://b.example:22/", RedirectError::Port { port: 22, scheme: "https", expected: 443 })]
#[case::user("http://u@b.example/", RedirectError::UserInfo)]
#[case::user("http://u:p@b.example/", RedirectError::UserInfo)]
#[case::password("http://:p@b.example/", RedirectError::UserInfo)]
#[case::zone("http://[fe80::1%25eth0]/", RedirectError::Unreadable("http://[fe80::1%25eth0]/".to_owned()))]
#[case::ip("http://10.0.0.1/", RedirectError::IpAddress("10.0.0.1".to_owned()))]
#[case::ip("http://[fd00::1]/", RedirectError::IpAddress("fd00::1".to_owned()))]
#[case::decimal("http://2130706433/", RedirectError::IpAddress("127.0.0.1".to_owned()))]
#[case::octal("http://0177.0.0.1/", RedirectError::IpAddress("127.0.0.1".to_owned()))]
#[case::hexadecimal("http://0x7f.1/", RedirectError::IpAddress("127.0.0.1".to_owned()))]
#[case::no_name("http://b..example/", RedirectError::Host("b..example".to_owned()))]
#[case::no_name("http://b.example./", RedirectError::Host("b.example.".to_owned()))]
#[case::unreadable("http://b example/", RedirectError::Unreadable("http://b example/".to_owned()))]
#[case::unreadable("http://b.example:99999/", RedirectError::Unreadable("http://b.example:99999/".to_owned()))]
#[case::no_host("http://", RedirectError::Unreadable("http://".to_owned()))]
fn n4_a_redirect_to_elsewhere_is_refused(#[case] location: &str, #[case] error: RedirectError) {
    assert_eq!(of_name().redirected(location.as_bytes(), PORTS), Err(error));
}

#[test]
fn n4_a_long_or_unreadable_location_is_refused() {
    let long = format!("http://b.example/{}", "x".repeat(3000));
    assert_eq!(of_name().redirected(long.as_bytes(), PORTS), Err(RedirectError::TooLong));
    // Short as it came and long when it is written out.
    let grows = format!("/{}", "ü".repeat(500));
    assert_eq!(of_name().redirected(grows.as_bytes(), PORTS), Err(RedirectError::TooLong));
    let broken = of_name().redirected(b"/\xff\n", PORTS);
    assert_eq!(broken, Err(RedirectError::Unreadable(r"/\xff\n".to_owned())));
}

#[test]
fn an_address_may_be_redirected_to_an_address() {
    let target = of_address("10.0.0.1").redirected(b"https://10.0.0.2/x", PORTS).unwrap();

    assert_eq!(target.host(), &ProbeHost::Ip("10.0.0.2".parse().unwrap()));
    assert_eq!((target.scheme(), target.origin_form()), (Scheme::Https, "/x"));
}

#[rstest]
#[case("10.0.0.1", "http://10.0.0.1/t", "10.0.0.1")]
#[case("fd00::1", "http://[fd00::1]/t", "[fd00::1]")]
#[case("::ffff:10.0.0.1", "http://10.0.0.1/t", "10.0.0.1")]
fn an_address_is_written_as_urls_have_it(#[case] address: &str, #[case] url: &str, #[case] field: &str) {
    let target = of_address(address);

    assert_eq!((target.as_str(), target.host_field(), target.origin_form()), (url, field, "/t"));
}

#[test]
fn other_ports_are_named_in_the_host_field() {
    let ports = WebPorts { http: 5002, https: 5001 };
    let target = WebTarget::first(&ProbeHost::Dns("a.example".parse().unwrap()), "/t?u", ports).unwrap();

    assert_eq!((target.host_field(), target.origin_form()), ("a.example:5002", "/t?u"));
    let error = target.redirected(b"http://b.example/", ports).unwrap_err();
    assert_eq!(error, RedirectError::Port { port: 80, scheme: "http", expected: 5002 });
}
