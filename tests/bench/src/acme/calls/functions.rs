//! The calls of the Lambda functions to table and KMS, from the relay that stands before the emulator.

use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::counted::{Call, Kind, Rows, two_orders};
use crate::acme::responder::Responder;
use crate::acme::transport::{Asked, JOSE, Reply, Step, Transport};
use crate::authority::Provisioners;
use crate::error::BenchError;
use crate::serverless::{Function, Programs, World, event, relay};

/// Two orders from functions that have just started.
pub(super) fn count(programs: &Programs, responder: &Responder) -> Result<Rows, BenchError> {
    let world = World::make(programs, Provisioners::JwkAndAcme)?;
    let start = |name: &str| Function::start(&programs.functions.join(name), &world);
    let functions = Functions { acme: start("stepless-acme")?, finalize: start("stepless-acme-finalize")? };
    world.relay.hold(HOLD);
    let zero = Instant::now();
    two_orders(functions, responder, || {
        Ok(world.relay.take().into_iter().map(|call| noted(&call, zero)).collect())
    })
}

/// Far longer than two calls that are made together can be apart.
const HOLD: Duration = Duration::from_millis(30);

/// The two functions that an order meets.
struct Functions {
    acme: Function,
    finalize: Function,
}

impl Transport for Functions {
    fn exchange(&mut self, asked: &Asked<'_>) -> Result<Reply, BenchError> {
        let function = match asked.step {
            Step::Finalize => &self.finalize,
            _ => &self.acme,
        };
        let method = if asked.jws.is_some() { "POST" } else { "GET" };
        let event = event::http_api_of(method, asked.path, JOSE, asked.jws, None);
        let (answer, _) = function.invoke(&event)?;
        reply(&answer)
    }
}

fn reply(answer: &[u8]) -> Result<Reply, BenchError> {
    let what = "a function's answer";
    let answer: Value = serde_json::from_slice(answer).map_err(|source| BenchError::Json { what, source })?;
    let text = |name: &str| answer.get(name).and_then(Value::as_str).unwrap_or_default();
    let status = answer.get("statusCode").and_then(Value::as_u64);
    let status = status.and_then(|status| u16::try_from(status).ok());
    let body = match answer.get("isBase64Encoded").and_then(Value::as_bool) {
        Some(true) => STANDARD.decode(text("body")).map_err(|_| BenchError::Answer { what })?,
        _ => text("body").as_bytes().to_vec(),
    };
    Ok(Reply {
        status: status.ok_or(BenchError::Answer { what })?,
        nonce: header(&answer, "replay-nonce"),
        location: header(&answer, "location"),
        body,
    })
}

fn header(answer: &Value, wanted: &str) -> Option<String> {
    let headers = answer.get("headers")?.as_object()?;
    let (_, value) = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted))?;
    value.as_str().map(str::to_owned)
}

fn noted(call: &relay::Call, zero: Instant) -> Call {
    // Without the service and its version.
    let operation = call.operation.rsplit('.').next().unwrap_or_default();
    let kind = match operation {
        "Sign" => Kind::Signature,
        "GetItem" | "BatchGetItem" | "TransactGetItems" | "Query" | "Scan" => Kind::Read,
        _ => Kind::Write,
    };
    Call {
        operation: operation.to_owned(),
        kind,
        tables: Vec::new(),
        began: call.began.saturating_duration_since(zero),
        ended: call.ended.saturating_duration_since(zero),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_of_a_function_is_read_with_its_headers() {
        let answer =
            br#"{"statusCode":201,"headers":{"Replay-Nonce":"n","location":"https://localhost/order/1"},
            "body":"e30=","isBase64Encoded":true}"#;

        let reply = reply(answer).unwrap();

        assert_eq!((reply.status, reply.body.as_slice()), (201, b"{}".as_slice()));
        assert_eq!(reply.nonce.as_deref(), Some("n"));
        assert_eq!(reply.location.as_deref(), Some("https://localhost/order/1"));
    }
}
