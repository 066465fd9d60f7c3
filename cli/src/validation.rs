//! Validations of ACME: where challenges are looked for, and what is tried again later, as tasks of this process. They
//! end with it: a client that looks at its challenge afterwards has it tried anew.

use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use stepless_core::acme::{Acme, AllowedTargets, Retry, RetryTask, ScheduleError, Validator};
use stepless_core::authority::Authority;
use stepless_functions::AcmeServer;
use stepless_net::{NetProber, ProberSettings};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::{debug, error, warn};

use crate::args::ServeArguments;
use crate::error::{CliError, Context};

/// Takes tasks.
#[derive(Debug)]
struct Tasks {
    room: Arc<Semaphore>,
    sender: mpsc::UnboundedSender<Scheduled>,
}

/// Does them.
#[derive(Debug)]
pub(crate) struct Worker {
    scheduled: mpsc::UnboundedReceiver<Scheduled>,
}

#[derive(Debug)]
struct Scheduled {
    task: RetryTask,
    due: Instant,
    _room: OwnedSemaphorePermit,
}

/// What the command line says of challenges.
pub(crate) fn settings(arguments: &ServeArguments) -> Result<ProberSettings, CliError> {
    let standard = ProberSettings::standard();
    Ok(ProberSettings {
        http_port: arguments.acme_http_port.unwrap_or(standard.http_port),
        tls_alpn_port: arguments.acme_tls_port.unwrap_or(standard.tls_alpn_port),
        resolvers: arguments.resolver.iter().map(|text| resolver(text)).collect::<Result<_, _>>()?,
        allowed: if arguments.insecure { AllowedTargets::loopback() } else { standard.allowed },
        ..standard
    })
}

/// An address, with a port where it is not 53. A name would need a resolver itself.
fn resolver(text: &str) -> Result<SocketAddr, CliError> {
    let address = text.parse::<SocketAddr>();
    address.or_else(|_| text.parse().map(|address: IpAddr| SocketAddr::new(address, DNS_PORT))).map_err(
        |_| {
            CliError::new(format!(
                "--resolver {text}: must be an IP address, with a port if it is not {DNS_PORT}"
            ))
        },
    )
}

/// The ACME servers of an authority, and what tries their validations again.
pub(crate) async fn open(
    authority: Arc<Authority>,
    prober: ProberSettings,
) -> Result<(AcmeServer, Worker), CliError> {
    let acme = Arc::new(Acme::open(authority).await.context("the ACME servers cannot be opened")?);
    let prober = NetProber::new(prober).context("challenges cannot be looked for")?;
    let (tasks, worker) = tasks(MAX_TASKS);
    let validator = Validator { prober: Arc::new(prober), retry: Arc::new(tasks) };
    Ok((AcmeServer { acme, validator }, worker))
}

fn tasks(most: usize) -> (Tasks, Worker) {
    // There is never more in the channel than there is room for.
    let (sender, scheduled) = mpsc::unbounded_channel();
    (Tasks { room: Arc::new(Semaphore::new(most)), sender }, Worker { scheduled })
}

#[async_trait]
impl Retry for Tasks {
    async fn schedule(&self, task: RetryTask, after: Duration) -> Result<(), ScheduleError> {
        let room = Arc::clone(&self.room).try_acquire_owned();
        let room = room.map_err(|error| ScheduleError(error.into()))?;
        let scheduled = Scheduled { task, due: Instant::now() + after, _room: room };
        self.sender.send(scheduled).map_err(|error| ScheduleError(error.to_string().into()))
    }
}

impl Worker {
    /// Tries every task when it is due. Never ends; dropped, it ends all of them.
    pub(crate) async fn run(self, acme: Arc<Acme>, validator: Validator) {
        self.each(move |task| {
            let (acme, validator) = (Arc::clone(&acme), validator.clone());
            async move {
                let RetryTask { provisioner, authorization, challenge, tries: number } = &task;
                match acme.retry(&validator, &task).await {
                    Ok(()) => debug!(provisioner, %authorization, %challenge, number, "tried again"),
                    Err(error) => {
                        let error = &error as &dyn Error;
                        warn!(provisioner, %authorization, %challenge, number, error, "the try was not made");
                    }
                }
            }
        })
        .await;
    }

    async fn each<F>(mut self, work: impl Fn(RetryTask) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut tasks = JoinSet::new();
        loop {
            tokio::select! {
                Some(Scheduled { task, due, _room: room }) = self.scheduled.recv() => {
                    let work = work(task);
                    tasks.spawn(async move {
                        tokio::time::sleep_until(due).await;
                        work.await;
                        drop(room);
                    });
                }
                Some(ended) = tasks.join_next() => {
                    if let Err(error) = ended {
                        error!(error = &error as &dyn Error, "a validation ended");
                    }
                }
                else => break,
            }
        }
    }
}

const DNS_PORT: u16 = 53;

/// So many validations wait at one time, a few hundred octets each. One more is refused; its client asks again.
const MAX_TASKS: usize = 4096;

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use stepless_core::config::ChallengeType;

    use super::*;

    fn task(place: u8) -> RetryTask {
        let id = serde_json::from_value(serde_json::json!(base64(place))).unwrap();
        RetryTask {
            provisioner: "p".to_owned(),
            authorization: id,
            challenge: ChallengeType::Http01,
            tries: 1,
        }
    }

    fn base64(place: u8) -> String {
        use base64::Engine;
        let mut bytes = vec![0; 16];
        bytes.push(place);
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_is_done_when_it_is_due_and_not_before() {
        let (tasks, worker) = tasks(8);
        let start = Instant::now();
        let (done, mut log) = mpsc::unbounded_channel();
        tasks.schedule(task(2), Duration::from_secs(60)).await.unwrap();
        tasks.schedule(task(1), Duration::from_secs(1)).await.unwrap();
        let running = tokio::spawn(worker.each(move |task| {
            let done = done.clone();
            async move { done.send((task.authorization.place, Instant::now() - start)).unwrap() }
        }));

        let mut found = Vec::new();
        for _ in 0..2 {
            let (place, after) = log.recv().await.unwrap();
            found.push((place, after.as_secs()));
        }
        running.abort();

        assert_eq!(found, [(1, 1), (2, 60)]);
    }

    #[tokio::test(start_paused = true)]
    async fn more_tasks_than_there_is_room_for_are_refused_until_one_is_done() {
        let (tasks, worker) = tasks(1);
        let (done, mut log) = mpsc::unbounded_channel();
        tasks.schedule(task(1), Duration::from_secs(5)).await.unwrap();

        assert!(tasks.schedule(task(2), Duration::ZERO).await.is_err());

        let running = tokio::spawn(worker.each(move |task| {
            let done = done.clone();
            async move { done.send(task.authorization.place).unwrap() }
        }));
        assert_eq!(log.recv().await, Some(1));
        while tasks.schedule(task(3), Duration::ZERO).await.is_err() {
            tokio::task::yield_now().await;
        }
        assert_eq!(log.recv().await, Some(3));
        running.abort();
    }

    #[tokio::test]
    async fn what_waits_ends_with_the_worker() {
        let (tasks, worker) = tasks(1);
        let dropped = Arc::new(Mutex::new(()));
        let held = Arc::clone(&dropped);
        tasks.schedule(task(1), Duration::from_secs(600)).await.unwrap();
        let running = tokio::spawn(worker.each(move |_| {
            let held = Arc::clone(&held);
            async move { drop(held) }
        }));
        while Arc::strong_count(&dropped) < 3 {
            tokio::task::yield_now().await;
        }

        running.abort();
        assert!(running.await.unwrap_err().is_cancelled());

        while Arc::strong_count(&dropped) > 1 {
            tokio::task::yield_now().await;
        }
    }
}
