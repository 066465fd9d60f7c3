//! Methods, paths and headers: what a router decides before any handler is asked.

use stepless_tests::Request;

use crate::cases::Cases;

pub(crate) fn add(cases: &mut Cases) {
    for path in ["/health", "/roots", "/provisioners", "/root/00"] {
        for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
            one(cases, method, path);
        }
    }
    for path in ["/sign", "/renew", "/re-sign", "/rekey", "/revoke"] {
        for method in ["GET", "HEAD", "PUT"] {
            one(cases, method, path);
        }
    }
    one(cases, "OPTIONS", "/sign");
    one(cases, "DELETE", "/1.0/sign");
    one(cases, "TRACE", "/health");
    one(cases, "BREW", "/health");
    one(cases, "get", "/health");
    one(cases, "POST", "/1.0/health");
    for path in [
        "/",
        "/1.0",
        "/1.0/",
        "/unknown",
        "/1.0/unknown",
        "/2.0/health",
        "/1.1/health",
        "/health/",
        "/1.0/health/",
        "//health",
        "/./health",
        "/x/../health",
        "/1.0/1.0/health",
        "/Health",
        "/HEALTH",
        "/health%20",
        "/%68ealth",
        "/health?x=1",
        "/health?",
        "/health#part",
        "/roots.pem/",
        "/roots.json",
        "/health/x",
        "/sign/",
        "/sign/x",
        "/favicon.ico",
        "/robots.txt",
        "/metrics",
        "/.well-known/acme",
        "/admin",
        "/admin/admins",
        "/admin/provisioners",
    ] {
        one(cases, "GET", path);
    }
    for path in ["/unknown", "/sign/", "/signs", "/1.0/", "//sign", "/SIGN", "/health/", "/admin/admins"] {
        one(cases, "POST", path);
    }
    request_id(cases);
    framing(cases);
}

fn one(cases: &mut Cases, method: &'static str, path: &'static str) {
    cases.add(format!("transport/{method} {path}"), move |session| {
        session.send(&Request::new(method, path))?;
        Ok(())
    });
}

fn request_id(cases: &mut Cases) {
    let long = "x".repeat(5000);
    let headers: [(&str, Vec<(&'static str, String)>); 9] = [
        ("given", vec![("X-Request-Id", "abc-123".into())]),
        ("smallstep", vec![("X-Smallstep-Id", "step-1".into())]),
        ("both", vec![("X-Smallstep-Id", "step-1".into()), ("X-Request-Id", "abc".into())]),
        ("twice", vec![("X-Request-Id", "one".into()), ("X-Request-Id", "two".into())]),
        ("empty", vec![("X-Request-Id", String::new())]),
        ("lower-case", vec![("x-request-id", "low".into())]),
        ("spaces", vec![("X-Request-Id", "a b\tc".into())]),
        ("long", vec![("X-Request-Id", long)]),
        ("not ascii", vec![("X-Request-Id", "é".into())]),
    ];
    for (name, headers) in headers {
        for path in ["/health", "/root/00", "/unknown"] {
            let headers = headers.clone();
            cases.add(format!("transport/request id {name} {path}"), move |session| {
                let request = headers
                    .iter()
                    .fold(Request::get(path), |request, (name, value)| request.header(name, value));
                session.send(&request)?;
                Ok(())
            });
        }
    }
}

fn framing(cases: &mut Cases) {
    cases.add("transport/GET with a body", |session| {
        session.send(&Request::get("/health").body("{\"a\":1}"))?;
        Ok(())
    });
    cases.add("transport/gzip accepted", |session| {
        session.send(&Request::get("/provisioners").header("Accept-Encoding", "gzip, deflate, br"))?;
        Ok(())
    });
    cases.add("transport/html wanted", |session| {
        session.send(&Request::get("/health").header("Accept", "text/html"))?;
        session.send(&Request::get("/health").header("Accept", "nonsense"))?;
        Ok(())
    });
    cases.add("transport/cross origin", |session| {
        session.send(&Request::get("/health").header("Origin", "https://evil.example"))?;
        session.send(
            &Request::new("OPTIONS", "/sign")
                .header("Origin", "https://evil.example")
                .header("Access-Control-Request-Method", "POST"),
        )?;
        Ok(())
    });
    cases.add("transport/certificate headers of a proxy", |session| {
        let request = Request::new("POST", "/renew")
            .header("X-Amzn-Mtls-Clientcert", "-----BEGIN%20CERTIFICATE-----")
            .header("X-Forwarded-Client-Cert", "Hash=00")
            .header("X-Client-Cert", "AAAA");
        session.send(&request)?;
        Ok(())
    });
    cases.add("transport/forwarded host", |session| {
        session.send(&Request::get("/health").header("X-Forwarded-Host", "evil.example"))?;
        Ok(())
    });
}
