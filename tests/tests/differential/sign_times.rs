//! /sign: the validity a request may ask for.

use serde_json::{Value, json};

use crate::{cases::Cases, session::Session, world::WorldKind};

pub(crate) fn add(cases: &mut Cases) {
    relative(cases);
    absolute(cases);
    bad(cases);
}

/// Durations: provisioner, notBefore, notAfter.
fn relative(cases: &mut Cases) {
    let table = [
        ("admin", "", "1h"),
        ("admin", "", "5m"),
        ("admin", "", "4m59s"),
        ("admin", "", "4m"),
        ("admin", "", "3m59s"),
        ("admin", "", "24h"),
        ("admin", "", "24h0m1s"),
        ("admin", "", "25h"),
        ("admin", "", "0s"),
        ("admin", "", "-1h"),
        ("admin", "", "1h30m15s"),
        ("admin", "", "1.5h"),
        ("admin", "", "90m"),
        ("admin", "", "600000ms"),
        ("admin", "", "300000000us"),
        ("admin", "", "300000000µs"),
        ("admin", "", "3600000000000ns"),
        ("admin", "", "+1h"),
        ("admin", "", "1h1h"),
        ("admin", "", "1.0s"),
        ("admin", "", "1m1h"),
        ("admin", "5m", ""),
        ("admin", "5m", "1h"),
        ("admin", "5m", "5m"),
        ("admin", "5m", "4m"),
        ("admin", "-5m", ""),
        ("admin", "-5m", "1h"),
        ("admin", "-1h", "1h"),
        ("admin", "-1h", "30m"),
        ("admin", "1h", "24h"),
        ("admin", "1h", "24h1m1s"),
        ("admin", "0s", ""),
        ("admin", "0s", "1h"),
        ("admin", "-24h", "24h"),
        ("admin", "-25h", "24h"),
        ("admin", "1000000h", ""),
        ("admin", "", "1000000h"),
        ("admin", "", "2562047h47m"),
        ("admin", "", "9000000h"),
        ("short", "", ""),
        ("short", "", "10s"),
        ("short", "", "9s"),
        ("short", "", "10m"),
        ("short", "", "10m1s"),
        ("short", "", "10m2s"),
        ("short", "1m", ""),
        ("long", "", "2160h"),
        ("long", "", "2160h1s"),
        ("long", "", "24h"),
    ];
    for (provisioner, before, after) in table {
        cases.add(format!("sign/times/{provisioner} {before:?} to {after:?}"), move |session| {
            session.issue(provisioner, NAME, &json!({"notBefore": before, "notAfter": after}))?;
            Ok(())
        });
    }
    for (before, after) in [
        ("", ""),
        ("", "12h"),
        ("", "12h1s"),
        ("", "1m"),
        ("", "59s"),
        ("5m", ""),
        ("", "24h"),
        ("-5m", "10m"),
    ] {
        cases.add_in(WorldKind::Rsa, format!("sign/rsa/times/{before:?} to {after:?}"), move |session| {
            session.issue("admin", NAME, &json!({"notBefore": before, "notAfter": after}))?;
            Ok(())
        });
    }
}

/// Moments, in seconds from now.
fn absolute(cases: &mut Cases) {
    let table: [(Option<i64>, Option<i64>); 16] = [
        (None, Some(3600)),
        (None, Some(86_300)),
        (None, Some(86_500)),
        (None, Some(200)),
        (None, Some(-10)),
        (None, Some(-86_400)),
        (Some(0), None),
        (Some(600), None),
        (Some(-600), None),
        (Some(-86_300), None),
        (Some(-100_000), None),
        (Some(600), Some(1200)),
        (Some(600), Some(300)),
        (Some(600), Some(600)),
        (Some(-3600), Some(3600)),
        (Some(86_400), Some(2 * 86_400)),
    ];
    for (before, after) in table {
        cases.add(format!("sign/times/moments {before:?} to {after:?}"), move |session| {
            let mut times = json!({});
            for (member, offset) in [("notBefore", before), ("notAfter", after)] {
                if let Some(offset) = offset {
                    times[member] = session.moment(offset).into();
                }
            }
            session.issue("admin", NAME, &times)?;
            Ok(())
        });
    }
    let forms: [(&str, Moment); 8] = [
        ("with an offset", |session| session.moment(3600).replace('Z', "+00:00")),
        ("with a fraction", |session| session.moment(3600).replace('Z', ".75Z")),
        ("in another zone", |session| session.moment(3600 + 7200).replace('Z', "+02:00")),
        ("in lower case", |session| session.moment(3600).to_lowercase()),
        ("with a space", |session| session.moment(3600).replace('T', " ")),
        ("without a zone", |session| session.moment(3600).replace('Z', "")),
        ("with a minus zero", |session| session.moment(3600).replace('Z', "-00:00")),
        ("with a date only", |session| session.moment(86_000)[..10].to_owned()),
    ];
    for (name, form) in forms {
        cases.add(format!("sign/times/moment {name}"), move |session| {
            let moment = form(session);
            session.issue("admin", NAME, &json!({"notAfter": moment}))?;
            Ok(())
        });
    }
    cases.add("sign/times/moment and duration", |session| {
        let before = session.moment(600);
        session.issue("admin", NAME, &json!({"notBefore": before, "notAfter": "1h"}))?;
        Ok(())
    });
    for moment in [
        "0001-01-01T00:00:00Z",
        "1970-01-01T00:00:00Z",
        "1949-12-31T23:59:59Z",
        "2050-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
    ] {
        cases.add(format!("sign/times/not after {moment}"), move |session| {
            session.moments_differ();
            session.issue("admin", NAME, &json!({"notAfter": moment}))?;
            Ok(())
        });
    }
    cases.add("sign/times/year 2050", |session| {
        session.issue("admin", NAME, &json!({"notBefore": "2050-01-01T00:00:00Z", "notAfter": "1h"}))?;
        Ok(())
    });
    cases.add("sign/times/year 2049 to 2050", |session| {
        session.issue("admin", NAME, &json!({"notBefore": "2049-12-31T23:30:00Z", "notAfter": "1h"}))?;
        Ok(())
    });
}

fn bad(cases: &mut Cases) {
    let values = [
        json!("1"),
        json!("1d"),
        json!("h"),
        json!("tomorrow"),
        json!(" 1h"),
        json!("1h "),
        json!("1 h"),
        json!("1,5h"),
        json!("1H"),
        json!("0"),
        json!("--1h"),
        json!("2026-13-01T00:00:00Z"),
        json!("2026-02-30T00:00:00Z"),
        json!("2026-01-01T24:00:00Z"),
        json!("2026-06-30T23:59:60Z"),
        json!("26-01-01T00:00:00Z"),
        json!("3000000h"),
        json!("99999999999999h"),
        json!(true),
        json!([]),
        Value::Null,
    ];
    for value in values {
        for member in ["notBefore", "notAfter"] {
            let value = value.clone();
            cases.add(format!("sign/times/{member} {value}"), move |session| {
                session.issue("admin", NAME, &json!({member: value}))?;
                Ok(())
            });
        }
    }
}

const NAME: &str = "leaf.example.com";

/// How a moment is written.
type Moment = fn(&mut Session<'_>) -> String;
