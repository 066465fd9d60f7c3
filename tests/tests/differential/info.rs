//! The routes that only tell.

use stepless_tests::Request;

use crate::{
    cases::Cases,
    session::{Session, Stop},
    world::WorldKind,
};

pub(crate) fn add(cases: &mut Cases) {
    for path in PLAIN {
        cases.add(format!("info{path}"), get(path));
        cases.add(format!("info/1.0{path}"), get(&format!("/1.0{path}")));
        cases.add(format!("info/HEAD{path}"), move |session| {
            session.send(&Request::new("HEAD", path))?;
            Ok(())
        });
    }
    for path in [
        "/health",
        "/version",
        "/roots",
        "/intermediates",
        "/federation",
        "/provisioners",
        "/intermediates.pem",
    ] {
        cases.add_in(WorldKind::Rsa, format!("info/rsa{path}"), get(path));
    }
    for path in ["/health", "/roots", "/provisioners"] {
        cases.add_in(WorldKind::Ssh, format!("info/ssh{path}"), get(path));
    }
    root(cases);
    provisioners(cases);
    encrypted_key(cases);
}

fn root(cases: &mut Cases) {
    let forms: [(&str, Spelling); 14] = [
        ("lower-case", |sum| sum.to_owned()),
        ("upper-case", str::to_uppercase),
        ("dashes", |sum| {
            sum.as_bytes().chunks(2).map(|pair| String::from_utf8_lossy(pair)).collect::<Vec<_>>().join("-")
        }),
        ("colons", |sum| {
            sum.as_bytes().chunks(2).map(|pair| String::from_utf8_lossy(pair)).collect::<Vec<_>>().join(":")
        }),
        ("dashes-at-the-ends", |sum| format!("--{sum}-")),
        ("short", |sum| sum[..63].to_owned()),
        ("long", |sum| format!("{sum}0")),
        ("other", |_| "0".repeat(64)),
        ("word", |_| "nothing".into()),
        ("quote", |_| "a%22b".into()),
        ("escaped-slash", |_| "a%2Fb".into()),
        ("percent", |sum| format!("%{:02x}{}", sum.as_bytes()[0], &sum[1..])),
        ("not-ascii", |_| "%C3%A9%00%0A".into()),
        ("query", |sum| format!("{sum}?x=y&z")),
    ];
    for (name, form) in forms {
        cases.add(format!("info/root/{name}"), move |session| {
            let sum = root_sum(session);
            session.send(&Request::get(&format!("/root/{}", form(&sum))))?;
            Ok(())
        });
    }
    cases.add("info/root/1.0", |session| {
        let sum = root_sum(session);
        session.send(&Request::get(&format!("/1.0/root/{sum}")))?;
        session.send(&Request::new("HEAD", &format!("/root/{sum}")))?;
        Ok(())
    });
    cases.add("info/root/intermediate", |session| {
        let intermediate = &session.world.intermediates()[0];
        let sum = sha256(intermediate);
        session.send(&Request::get(&format!("/root/{sum}")))?;
        Ok(())
    });
    cases.add("info/root/nothing", get("/root"));
    cases.add("info/root/empty", get("/root/"));
    cases.add("info/root/below", get("/root/a/b"));
    cases.add_in(WorldKind::Rsa, "info/root/federated", |session| {
        let friend = stepless_tests::asn1::unpem(&session.world.folder().read("certs/friend.crt"));
        session.send(&Request::get(&format!("/root/{}", sha256(&friend[0]))))?;
        Ok(())
    });
}

fn provisioners(cases: &mut Cases) {
    let queries = [
        "limit=1",
        "limit=5",
        "limit=20",
        "limit=100",
        "limit=101",
        "limit=0",
        "limit=-1",
        "limit=",
        "limit=x",
        "limit=1.5",
        "limit=%2B5",
        "limit=+5",
        "limit=05",
        "limit=0x5",
        "limit=1_0",
        "limit=99999999999999999999",
        "limit=1&limit=2",
        "limit=5&limit=x",
        "LIMIT=1",
        "cursor=",
        "cursor=0",
        "cursor=1",
        "cursor=f",
        "cursor=zzz",
        "cursor=00000000",
        "cursor=ffffffffffffffffffffffffffffffffffffffff",
        "cursor=10000000000000000000000000000000000000000000",
        "cursor=%C3%A9",
        "cursor=%",
        "limit=%zz",
        "limit=1;cursor=2",
        "limit=2&cursor=2",
        "other=1",
        "?limit=1",
        "&&limit=1&&",
    ];
    for query in queries {
        cases.add(format!("info/provisioners/{query}"), get(&format!("/provisioners?{query}")));
    }
    for limit in [1, 7, 20] {
        cases.add(format!("info/provisioners/all pages of {limit}"), move |session| {
            let mut cursor = String::new();
            for _ in 0..100 {
                let response =
                    session.send(&Request::get(&format!("/provisioners?limit={limit}&cursor={cursor}")))?;
                cursor =
                    response.json().unwrap_or_default()["nextCursor"].as_str().unwrap_or_default().to_owned();
                if cursor.is_empty() {
                    return Ok(());
                }
            }
            Err(Stop("the pages have no end".into()))
        });
    }
    cases.add("info/provisioners/upper-case cursor", |session| {
        let response = session.send(&Request::get("/provisioners?limit=12"))?;
        let cursor =
            response.json().unwrap_or_default()["nextCursor"].as_str().unwrap_or_default().to_uppercase();
        session.send(&Request::get(&format!("/provisioners?limit=2&cursor={cursor}")))?;
        session.send(&Request::get(&format!("/provisioners?limit=2&cursor=0000{cursor}")))?;
        Ok(())
    });
}

fn encrypted_key(cases: &mut Cases) {
    cases.add("info/encrypted-key/found", |session| {
        let kid = session.provisioner("admin").thumbprint();
        session.send(&Request::get(&format!("/provisioners/{kid}/encrypted-key")))?;
        session.send(&Request::get(&format!("/1.0/provisioners/{kid}/encrypted-key")))?;
        session.send(&Request::new("HEAD", &format!("/provisioners/{kid}/encrypted-key")))?;
        Ok(())
    });
    cases.add("info/encrypted-key/provisioner without one", |session| {
        let kid = session.provisioner("short").thumbprint();
        session.send(&Request::get(&format!("/provisioners/{kid}/encrypted-key")))?;
        Ok(())
    });
    for kid in ["unknown", "admin", "%22", "a%2Fb", "%C3%A9", "%3Cscript%3E", "a/b", ""] {
        cases.add(format!("info/encrypted-key/{kid}"), get(&format!("/provisioners/{kid}/encrypted-key")));
    }
    cases.add("info/encrypted-key/no last part", get("/provisioners/admin"));
}

fn get(path: &str) -> impl Fn(&mut Session<'_>) -> Result<(), Stop> + Sync + use<> {
    let request = Request::get(path);
    move |session| {
        session.send(&request)?;
        Ok(())
    }
}

fn root_sum(session: &Session<'_>) -> String {
    sha256(&session.world.root())
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref())
}

const PLAIN: [&str; 9] = [
    "/health",
    "/version",
    "/roots",
    "/roots.pem",
    "/intermediates",
    "/intermediates.pem",
    "/federation",
    "/provisioners",
    "/crl",
];

/// How a fingerprint is written.
type Spelling = fn(&str) -> String;
