use proptest::prelude::*;
use rstest::rstest;

use super::*;

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[rstest]
#[case("0.0.0.0", RefusedRange::Unspecified)]
#[case("0.1.2.3", RefusedRange::Unspecified)]
#[case("127.0.0.1", RefusedRange::Loopback)]
#[case("127.255.255.254", RefusedRange::Loopback)]
#[case("169.254.0.1", RefusedRange::LinkLocal)]
#[case("169.254.169.254", RefusedRange::Metadata)]
#[case("169.254.170.2", RefusedRange::Metadata)]
#[case("169.254.170.23", RefusedRange::Metadata)]
#[case("100.100.100.200", RefusedRange::Metadata)]
#[case("168.63.129.16", RefusedRange::Metadata)]
#[case("192.0.0.192", RefusedRange::Metadata)]
#[case("192.0.0.8", RefusedRange::Reserved)]
#[case("192.0.2.1", RefusedRange::Reserved)]
#[case("192.88.99.1", RefusedRange::Reserved)]
#[case("198.18.0.1", RefusedRange::Reserved)]
#[case("198.19.255.255", RefusedRange::Reserved)]
#[case("198.51.100.7", RefusedRange::Reserved)]
#[case("203.0.113.7", RefusedRange::Reserved)]
#[case("224.0.0.251", RefusedRange::Multicast)]
#[case("239.255.255.255", RefusedRange::Multicast)]
#[case("240.0.0.1", RefusedRange::Reserved)]
#[case("255.255.255.255", RefusedRange::Reserved)]
#[case("::", RefusedRange::Unspecified)]
#[case("::1", RefusedRange::Loopback)]
#[case("fe80::1", RefusedRange::LinkLocal)]
#[case("febf::1", RefusedRange::LinkLocal)]
#[case("fe80::a9fe:a9fe", RefusedRange::LinkLocal)]
#[case("fd00:ec2::254", RefusedRange::Metadata)]
#[case("fd00:ec2::23", RefusedRange::Metadata)]
#[case("fd20:ce::254", RefusedRange::Metadata)]
#[case("fd00:42::42", RefusedRange::Metadata)]
#[case("ff02::1", RefusedRange::Multicast)]
#[case("100::1", RefusedRange::Reserved)]
#[case("2001::1", RefusedRange::Reserved)]
#[case("2001:db8::1", RefusedRange::Reserved)]
#[case("3fff::1", RefusedRange::Reserved)]
#[case("5f00::1", RefusedRange::Reserved)]
fn n1_a_range_that_leads_to_no_other_host_is_refused(#[case] text: &str, #[case] range: RefusedRange) {
    assert_eq!(AllowedTargets::none().check(address(text)), Err(range));
}

#[rstest]
#[case::mapped("::ffff:169.254.169.254", RefusedRange::Metadata)]
#[case::mapped("::ffff:127.0.0.1", RefusedRange::Loopback)]
#[case::compatible("::127.0.0.1", RefusedRange::Loopback)]
#[case::compatible("::a9fe:a9fe", RefusedRange::Metadata)]
#[case::nat64("64:ff9b::a9fe:a9fe", RefusedRange::Metadata)]
#[case::nat64("64:ff9b::7f00:1", RefusedRange::Loopback)]
#[case::nat64("64:ff9b::", RefusedRange::Unspecified)]
#[case::local_nat64("64:ff9b:1::", RefusedRange::Unspecified)]
#[case::local_nat64_96("64:ff9b:1::a9fe:a9fe", RefusedRange::Metadata)]
#[case::local_nat64_96("64:ff9b:1:2:3:4:7f00:1", RefusedRange::Loopback)]
#[case::local_nat64_48("64:ff9b:1:a9fe:a9:fe00::", RefusedRange::Metadata)]
#[case::local_nat64_56("64:ff9b:1:a9:fe:a9fe::", RefusedRange::Metadata)]
#[case::local_nat64_64("64:ff9b:1:0:a9:fea9:fe00:0", RefusedRange::Metadata)]
#[case::six_to_four("2002:7f00:1::1", RefusedRange::Loopback)]
#[case::six_to_four("2002:a9fe:a9fe::", RefusedRange::Metadata)]
fn n1_a_refused_ipv4_address_is_refused_in_every_ipv6_dress(#[case] text: &str, #[case] range: RefusedRange) {
    assert_eq!(AllowedTargets::none().check(address(text)), Err(range));
}

#[rstest]
#[case("10.0.0.1")]
#[case("172.16.0.1")]
#[case("192.168.0.1")]
#[case("100.64.0.1")]
#[case("100.100.100.201")]
#[case("168.63.129.17")]
#[case("8.8.8.8")]
#[case("128.0.0.1")]
#[case("198.20.0.1")]
#[case("::ffff:10.0.0.1")]
#[case("64:ff9b::a00:1")]
#[case("64:ff9b:1::a00:1")]
#[case("64:ff9b:1:0a00:1:0203::")]
#[case("2002:a00:1::1")]
#[case("fd00::1")]
#[case("fd12:3456:789a::1")]
#[case("fc00::1")]
#[case("2606:4700::1111")]
#[case("2001:200::1")]
fn private_and_public_addresses_are_allowed(#[case] text: &str) {
    assert_eq!(AllowedTargets::none().check(address(text)), Ok(()));
}

#[test]
fn a_named_network_is_allowed_and_no_other() {
    let allowed = AllowedTargets::new(["127.0.0.0/30".parse().unwrap(), "fe80::/64".parse().unwrap()]);

    assert_eq!(allowed.check(address("127.0.0.3")), Ok(()));
    assert_eq!(allowed.check(address("::ffff:127.0.0.3")), Ok(()));
    assert_eq!(allowed.check(address("fe80::9")), Ok(()));
    assert_eq!(allowed.check(address("127.0.0.4")), Err(RefusedRange::Loopback));
    assert_eq!(allowed.check(address("fe80:0:0:1::9")), Err(RefusedRange::LinkLocal));
    assert_eq!(allowed.check(address("169.254.169.254")), Err(RefusedRange::Metadata));
    assert_eq!(allowed.check(address("64:ff9b::7f00:1")), Err(RefusedRange::Loopback));
}

#[test]
fn two_lists_allow_what_either_allows() {
    let link_local = AllowedTargets::new(["169.254.0.0/16".parse().unwrap()]);
    let both = AllowedTargets::loopback().and(&link_local);

    assert_eq!(both.check(address("127.0.0.1")), Ok(()));
    assert_eq!(both.check(address("::1")), Ok(()));
    assert_eq!(both.check(address("169.254.1.1")), Ok(()));
    assert_eq!(both.check(address("0.0.0.0")), Err(RefusedRange::Unspecified));
}

proptest! {
    #[test]
    fn n1_an_ipv4_address_has_one_verdict_in_every_dress(bits: u32) {
        let plain = Ipv4Addr::from_bits(bits);
        let verdict = refused_range(plain.into());
        let wide = u128::from(bits);

        prop_assert_eq!(refused_range(plain.to_ipv6_mapped().into()), verdict);
        prop_assert_eq!(refused_range(Ipv6Addr::from_bits((0x0064_ff9b << 96) | wide).into()), verdict);
        prop_assert_eq!(refused_range(Ipv6Addr::from_bits((0x2002 << 112) | (wide << 80)).into()), verdict);
    }

    #[test]
    fn n1_no_address_of_loopback_or_link_local_is_allowed(low: u32) {
        let loopback = Ipv4Addr::from_bits(0x7f00_0000 | (low >> 8));
        let link_local = Ipv4Addr::from_bits(0xa9fe_0000 | (low >> 16));

        prop_assert_eq!(refused_range(loopback.into()), Some(RefusedRange::Loopback));
        prop_assert!(refused_range(link_local.into()).is_some());
    }

    #[test]
    fn n1_a_translated_address_is_refused_behind_a_prefix_of_any_length(low: u32, prefix in 0_usize..3) {
        let [a, b, c, d] = (0x7f00_0000 | (low >> 8)).to_be_bytes();
        let tail = match prefix {
            0 => [a, b, 0, c, d, 0, 0, 0, 0, 0],
            1 => [0, a, 0, b, c, d, 0, 0, 0, 0],
            _ => [0, 0, 0, a, b, c, d, 0, 0, 0],
        };
        let mut octets = [0, 0x64, 0xff, 0x9b, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        octets[6..].copy_from_slice(&tail);

        prop_assert!(refused_range(Ipv6Addr::from(octets).into()).is_some());
    }
}
