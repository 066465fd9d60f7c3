//! One question to one server.

use std::net::SocketAddr;
use std::time::Duration;

use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::tcp::TcpClientStream;
use hickory_resolver::net::udp::UdpClientStream;
use hickory_resolver::net::xfer::{DnsHandle, DnsRequestSender, FirstAnswer};
use hickory_resolver::proto::op::{
    DnsRequest, DnsRequestOptions, DnsResponse, Message, MessageType, Query, ResponseCode,
};
use stepless_core::acme::excerpt;
use thiserror::Error;
use tokio::time::timeout;

/// Whether the server is to ask others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Recursion {
    /// A resolver does.
    Desired,
    /// A server of the zone answers from what it knows.
    NotDesired,
}

/// A server gave no answer that counts. A failure is never "there is no such record".
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(super) enum ExchangeError {
    /// Nothing came back.
    #[error("no answer within {} s", .0.as_secs_f32())]
    Late(Duration),
    /// It answered that it cannot or will not.
    #[error("{}", code(*.0))]
    Refused(ResponseCode),
    /// The answer over TCP is cut, too.
    #[error("the answer is truncated")]
    Truncated,
    /// The answer is one to another question.
    #[error("the answer is not to this question")]
    OtherQuestion,
    /// It points to other servers instead of answering.
    #[error("a referral instead of an answer")]
    Referral,
    /// The connection failed, or what came over it is no message.
    #[error("{0}")]
    Transport(String),
}

/// What `server` answers to `query` within `time`: a message with or without records, whose code is
/// [`ResponseCode::NoError`] or [`ResponseCode::NXDomain`].
///
/// Over UDP with a random id, a random port and random letter case, and over TCP when the answer was truncated or came
/// back in other letters. Answers with another id, sender or question are not looked at.
///
/// # Errors
/// [`ExchangeError`] for any other answer, and for none.
pub(super) async fn ask(
    server: SocketAddr,
    query: &Query,
    recursion: Recursion,
    time: Duration,
) -> Result<Message, ExchangeError> {
    let exchange = async {
        let answer = over_udp_or_tcp(server, query, options(recursion), time).await?;
        match answer.response_code {
            // A server that does not know EDNS (RFC 6891 §7).
            ResponseCode::FormErr | ResponseCode::NotImp | ResponseCode::BADVERS => {
                let mut plain = options(recursion);
                plain.use_edns = false;
                over_udp_or_tcp(server, query, plain, time).await
            }
            _ => Ok(answer),
        }
    };
    let answer = timeout(time, exchange).await.map_err(|_elapsed| ExchangeError::Late(time))??;
    match answer.response_code {
        ResponseCode::NoError | ResponseCode::NXDomain => Ok(answer),
        code => Err(ExchangeError::Refused(code)),
    }
}

async fn over_udp_or_tcp(
    server: SocketAddr,
    query: &Query,
    options: DnsRequestOptions,
    time: Duration,
) -> Result<Message, ExchangeError> {
    match over_udp(server, query, options, time).await {
        Ok(answer) if !answer.truncation => to_this_question(answer, query),
        Err(NetError::Timeout) => Err(ExchangeError::Late(time)),
        Err(NetError::Io(error)) => Err(ExchangeError::Transport(error.kind().to_string())),
        // Truncated, in other letters, or no message at all: none of it is decided on.
        Ok(_) | Err(_) => {
            let answer =
                over_tcp(server, query, options, time).await.map_err(|error| transport(&error, time))?;
            if answer.truncation { Err(ExchangeError::Truncated) } else { to_this_question(answer, query) }
        }
    }
}

async fn over_udp(
    server: SocketAddr,
    query: &Query,
    mut options: DnsRequestOptions,
    time: Duration,
) -> Result<DnsResponse, NetError> {
    options.case_randomization = true;
    let mut stream =
        UdpClientStream::builder(server, TokioRuntimeProvider::new()).with_timeout(Some(time)).build();
    stream.send_message(DnsRequest::from_query(query.clone(), options)).first_answer().await
}

async fn over_tcp(
    server: SocketAddr,
    query: &Query,
    options: DnsRequestOptions,
    time: Duration,
) -> Result<DnsResponse, NetError> {
    // The provider owns the task that drives the connection: it lives until the answer is here.
    let provider = TokioRuntimeProvider::new();
    let stream = TcpClientStream::exchange(server, None, time, None, provider.clone()).await?;
    let answer = stream.send(DnsRequest::from_query(query.clone(), options)).first_answer().await;
    drop(provider);
    answer
}

fn options(recursion: Recursion) -> DnsRequestOptions {
    let mut options = DnsRequestOptions::default();
    options.use_edns = true;
    options.recursion_desired = recursion == Recursion::Desired;
    options
}

fn to_this_question(answer: DnsResponse, query: &Query) -> Result<Message, ExchangeError> {
    let is_answer = answer.message_type == MessageType::Response;
    // A server that cannot read the question may leave it out.
    let fails = !matches!(answer.response_code, ResponseCode::NoError | ResponseCode::NXDomain);
    if is_answer && (answer.queries.as_slice() == [query.clone()] || (fails && answer.queries.is_empty())) {
        Ok(answer.into_message())
    } else {
        Err(ExchangeError::OtherQuestion)
    }
}

fn transport(error: &NetError, time: Duration) -> ExchangeError {
    match error {
        NetError::Timeout => ExchangeError::Late(time),
        NetError::Io(error) => ExchangeError::Transport(error.kind().to_string()),
        other => ExchangeError::Transport(excerpt(other.to_string().as_bytes())),
    }
}

/// The code by the name that operators know.
fn code(code: ResponseCode) -> String {
    match code {
        ResponseCode::FormErr => "FORMERR".to_owned(),
        ResponseCode::ServFail => "SERVFAIL".to_owned(),
        ResponseCode::NotImp => "NOTIMP".to_owned(),
        ResponseCode::Refused => "REFUSED".to_owned(),
        other => format!("code {}", u16::from(other)),
    }
}
