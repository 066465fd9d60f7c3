//! Several clients and two processes on one store, at random, against a simple model of what may never happen.

use std::cell::Cell;
use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use super::bench::{Client, Reply, Server, challenge_of, csr, for_names, path_of, urls};
use super::step::{Action, Step, step};
use super::wire::{KEY_CHANGE, NEW_ACCOUNT, NEW_ORDER, base64url};
use crate::acme::fake::Probe;
use crate::acme::{ProbeHost, RetryTask};
use crate::authority::tests::bench::{P256, World};
use crate::clock::Timestamp;
use crate::config::GoDuration;
use crate::key::PrivateKey;
use crate::store::table::CertificateState;

struct Actor {
    client: Client,
    /// How many certificates it had when it ended.
    ended: Option<usize>,
    keys: [PrivateKey; 2],
}

struct Placed {
    actor: usize,
    url: String,
    finalize: String,
    authorizations: Vec<String>,
    names: Vec<&'static str>,
    /// By URL: what was seen last of the order and its authorizations.
    seen: BTreeMap<String, String>,
}

struct Machine {
    world: World,
    servers: [Server; 2],
    actors: Vec<Actor>,
    orders: Vec<Placed>,
    /// By path: whose right answer stands there, for which name.
    shown: BTreeMap<String, (usize, String)>,
    /// Who could be seen to control what, and when.
    proofs: Vec<(String, String, Timestamp)>,
    probes: usize,
    tasks: Vec<RetryTask>,
    /// Requests that were granted.
    granted: Vec<(String, Vec<u8>)>,
}

impl Machine {
    async fn new(reuse: bool) -> Self {
        let mut world = World::new();
        world.acme.reuse_authorizations = reuse;
        world.acme.authorization_lifetime = LIFETIME;
        world.acme.order_lifetime = GoDuration::from_hours(2);
        let first = Server::new(&world).await;
        let second = Server::beside(&world, first.prober.clone(), first.queue.clone()).await;
        let actor = || {
            let keys = [(); 2].map(|()| PrivateKey::generate(P256).unwrap());
            Actor { client: Client::new(), ended: None, keys }
        };
        Self {
            world,
            servers: [first, second],
            actors: vec![actor(), actor()],
            orders: Vec::new(),
            shown: BTreeMap::new(),
            proofs: Vec::new(),
            probes: 0,
            tasks: Vec::new(),
            granted: Vec::new(),
        }
    }

    /// A request, perhaps struck by a fault; nothing comes back from a process that stops.
    async fn send(&mut self, step: Step, path: &str, body: Vec<u8>) -> Option<Reply> {
        if let Some((call, fault)) = step.fault {
            self.world.fail(call, fault);
        }
        let faults = self.world.faults.clone();
        let reply = tokio::select! {
            reply = self.servers[step.process].handle(path, &body) => Some(reply),
            () = faults.stopped() => None,
        };
        self.world.faults.clear();
        self.note_probes();
        match &reply {
            Some(Ok(_)) => self.granted.push((path.to_owned(), body)),
            Some(Err(error)) => {
                let status = error.problem.status;
                assert!((400..500).contains(&status) || status == 503, "{path}: {error:?}");
                assert!(!error.problem.detail.is_empty());
            }
            None => {}
        }
        if self.actors[step.client].ended.is_some() {
            assert!(!matches!(reply, Some(Ok(_))), "{path}: granted to an account that has ended");
        }
        reply
    }

    async fn post(&mut self, step: Step, url: &str, payload: Option<&Value>) -> Option<Reply> {
        let path = path_of(url).to_owned();
        let body = self.actors[step.client].client.jws(&self.servers[step.process], &path, payload, false);
        self.send(step, &path, body).await
    }

    /// Whoever was looked at while his answer stood there may be taken for the owner.
    fn note_probes(&mut self) {
        let calls = self.servers[0].prober.calls();
        for call in &calls[self.probes..] {
            if let Probe::Http { path, .. } = call
                && let Some((actor, name)) = self.shown.get(path)
            {
                let account = self.actors[*actor].client.account.clone().unwrap();
                self.proofs.push((account, name.clone(), self.world.now()));
            }
        }
        self.probes = calls.len();
        self.tasks.extend(self.servers[0].queue.take().into_iter().map(|(task, _)| task));
    }

    fn order_of(&self, actor: usize, place: usize) -> Option<usize> {
        let own: Vec<_> = (0..self.orders.len()).filter(|order| self.orders[*order].actor == actor).collect();
        // Rather the newest.
        own.iter().rev().nth(place % own.len().max(1)).copied()
    }

    fn authorization_of(&self, actor: usize, order: usize, place: usize) -> Option<(usize, String)> {
        let order = self.order_of(actor, order)?;
        let list = &self.orders[order].authorizations;
        Some((order, list[place % list.len()].clone()))
    }

    /// No status goes back.
    fn see(&mut self, order: usize, url: &str, resource: &Value) {
        let status = resource["status"].as_str().unwrap().to_owned();
        if resource.get("finalize").is_some() {
            assert_eq!(resource.get("certificate").is_some(), status == "valid", "{resource}");
        }
        let before = self.orders[order].seen.insert(url.to_owned(), status.clone());
        let Some(before) = before else { return };
        let may_follow: &[&str] = match before.as_str() {
            "pending" => &["ready", "processing", "valid", "invalid", "deactivated", "expired"],
            "ready" => &["processing", "valid", "invalid"],
            // Its function has died.
            "processing" => &["ready", "valid", "invalid"],
            "valid" if resource.get("finalize").is_none() => &["deactivated", "expired"],
            _ => &[],
        };
        assert!(before == status || may_follow.contains(&status.as_str()), "{url}: {before}, then {status}");
    }

    async fn run(&mut self, step: Step) {
        let actor = step.client;
        if self.actors[actor].client.account.is_none() && !step.action.needs_no_account() {
            return;
        }
        match step.action {
            Action::Register => self.register(step).await,
            Action::ChangeKey => self.change_key(step).await,
            Action::EndAccount => self.end_account(step).await,
            Action::Order(mask) => self.order(step, mask).await,
            Action::Show(order, place, right) => self.show(step, order, place, right).await,
            Action::Respond(order, place) => self.respond(step, order, place).await,
            Action::Prove(order) => {
                for place in 0..NAMES.len() {
                    self.show(step, order, place, true).await;
                    self.respond(step, order, place).await;
                }
            }
            Action::Look(order) => {
                let Some(order) = self.order_of(actor, order) else { return };
                let url = self.orders[order].url.clone();
                if let Some(Ok(answer)) = self.post(step, &url, None).await {
                    self.see(order, &url, &answer.resource);
                }
            }
            Action::LookAtAuthorization(order, place) | Action::GiveUp(order, place) => {
                let Some((order, url)) = self.authorization_of(actor, order, place) else { return };
                let end = json!({ "status": "deactivated" });
                let payload = matches!(step.action, Action::GiveUp(..)).then_some(&end);
                if let Some(Ok(answer)) = self.post(step, &url, payload).await {
                    self.see(order, &url, &answer.resource);
                }
            }
            Action::Finalize(order, other) => self.finalize(step, order, other).await,
            Action::Trespass(place) => {
                let Some(order) = self.order_of(1 - actor, place) else { return };
                let url = self.orders[order].url.clone();
                let reply = self.post(step, &url, None).await;
                assert!(!matches!(reply, Some(Ok(_))));
            }
            Action::Deliver(place, twice) => self.deliver(step, place, twice).await,
            Action::Lose(place) => {
                if place < self.tasks.len() {
                    self.tasks.remove(place);
                }
            }
            Action::Wait(seconds) => self.world.clock.advance(seconds),
            Action::Replay(place) => {
                let Some((path, body)) = self.granted.iter().rev().nth(place).cloned() else { return };
                let reply = self.servers[step.process].handle(&path, &body).await;
                assert!(reply.is_err(), "{path}: granted twice");
            }
        }
        self.note_probes();
    }

    async fn respond(&mut self, step: Step, order: usize, place: usize) {
        let Some((_, url)) = self.authorization_of(step.client, order, place) else { return };
        let url = format!("{}/http-01", url.replace("/authz/", "/challenge/"));
        self.post(step, &url, Some(&json!({}))).await;
    }

    async fn register(&mut self, step: Step) {
        let client = &self.actors[step.client].client;
        let body = client.jws(&self.servers[step.process], NEW_ACCOUNT, Some(&json!({})), true);
        if let Some(Ok(answer)) = self.send(step, NEW_ACCOUNT, body).await {
            let known = &mut self.actors[step.client].client.account;
            assert!(known.is_none() || *known == answer.location, "a second account");
            *known = answer.location;
        }
    }

    async fn change_key(&mut self, step: Step) {
        let mut new = Client::new();
        let inner = self.actors[step.client].client.rollover(&new);
        let reply = self.post(step, KEY_CHANGE, Some(&inner)).await;
        new.account.clone_from(&self.actors[step.client].client.account);
        let account = new.account.clone().unwrap();
        let has_new = new.post(&self.servers[0], &account, None).await.is_ok();
        if matches!(reply, Some(Ok(_))) {
            assert!(has_new);
        }
        if has_new {
            let old = std::mem::replace(&mut self.actors[step.client].client, new);
            assert!(old.post(&self.servers[1], &account, None).await.is_err(), "the old key lives");
        }
    }

    async fn end_account(&mut self, step: Step) {
        let account = self.actors[step.client].client.account.clone().unwrap();
        let reply = self.post(step, &account, Some(&json!({ "status": "deactivated" }))).await;
        if matches!(reply, Some(Ok(_))) {
            self.actors[step.client].ended = Some(self.certificates_of(&account).await);
        }
    }

    async fn order(&mut self, step: Step, mask: u8) {
        let names: Vec<_> =
            NAMES.iter().enumerate().filter(|(bit, _)| mask & 1 << bit != 0).map(|(_, name)| *name).collect();
        let reply = self.post(step, NEW_ORDER, Some(&for_names(&names))).await;
        let Some(Ok(answer)) = reply else { return };
        let url = answer.location.unwrap();
        self.orders.push(Placed {
            actor: step.client,
            url: url.clone(),
            finalize: answer.resource["finalize"].as_str().unwrap().to_owned(),
            authorizations: urls(&answer.resource["authorizations"]),
            names,
            seen: BTreeMap::new(),
        });
        self.see(self.orders.len() - 1, &url, &answer.resource);
    }

    async fn show(&mut self, step: Step, order: usize, place: usize, right: bool) {
        let Some((order, url)) = self.authorization_of(step.client, order, place) else { return };
        let Some(Ok(answer)) = self.post(Step { fault: None, ..step }, &url, None).await else { return };
        self.see(order, &url, &answer.resource);
        if answer.resource["status"] != "pending" {
            return;
        }
        let challenge = challenge_of(&answer.resource, "http-01");
        let token = challenge["token"].as_str().unwrap();
        let name = answer.resource["identifier"]["value"].as_str().unwrap().to_owned();
        let path = format!("/.well-known/acme-challenge/{token}");
        let body = match right {
            true => self.actors[step.client].client.key_authorization(token),
            false => "something else".to_owned(),
        };
        self.servers[0].prober.put_file(&ProbeHost::Dns(name.parse().unwrap()), &path, body);
        match right {
            true => self.shown.insert(path, (step.client, name)),
            false => self.shown.remove(&path),
        };
    }

    async fn finalize(&mut self, step: Step, order: usize, other: bool) {
        let Some(order) = self.order_of(step.client, order) else { return };
        let key = &self.actors[step.client].keys[usize::from(other)];
        let payload = json!({ "csr": base64url(csr(key, &self.orders[order].names)) });
        let (url, finalize) = (self.orders[order].url.clone(), self.orders[order].finalize.clone());
        if let Some(Ok(answer)) = self.post(step, &finalize, Some(&payload)).await {
            self.see(order, &url, &answer.resource);
        }
    }

    async fn deliver(&mut self, step: Step, place: usize, twice: bool) {
        let Some(task) = self.tasks.get(place).cloned() else { return };
        if !twice {
            self.tasks.remove(place);
        }
        if let Some((call, fault)) = step.fault {
            self.world.fail(call, fault);
        }
        let server = &self.servers[step.process];
        let faults = self.world.faults.clone();
        tokio::select! {
            done = server.acme.retry(&server.validator, &task) => {
                if let Err(error) = done {
                    assert_eq!(error.problem.status, 503, "{error:?}");
                    self.tasks.push(task);
                }
            }
            () = faults.stopped() => {}
        }
        self.world.faults.clear();
    }

    async fn certificates_of(&self, account: &str) -> usize {
        let records = self.world.records().await.into_iter();
        let own = records.filter(|(_, record)| {
            matches!(record.state, CertificateState::Issued { .. })
                && record.acme.as_ref().is_some_and(|acme| account.ends_with(&acme.account))
        });
        own.count()
    }

    /// Each certificate has its order, its proofs and its time.
    async fn check(&self) -> usize {
        let mut of_order: BTreeMap<String, usize> = BTreeMap::new();
        for (_, record) in self.world.records().await {
            let CertificateState::Issued { .. } = record.state else { continue };
            let acme = record.acme.unwrap();
            *of_order.entry(acme.order).or_default() += 1;
            for name in &record.names {
                let lifetime = LIFETIME.to_signed();
                let proven = self.proofs.iter().any(|(account, proven, at)| {
                    account.ends_with(&acme.account)
                        && proven == name
                        && *at <= record.created
                        && record.created < at.saturating_add(lifetime).unwrap()
                });
                assert!(proven, "{name} was not proven by {} at {}", acme.account, record.created);
            }
        }
        assert!(of_order.values().all(|count| *count == 1), "two certificates of one order");
        for actor in &self.actors {
            if let (Some(had), Some(account)) = (actor.ended, &actor.client.account) {
                assert_eq!(self.certificates_of(account).await, had, "a certificate after the end");
            }
        }
        self.world.assert_every_signature_has_its_record().await;
        of_order.len()
    }
}

const NAMES: [&str; 3] = ["a.example", "b.example", "c.example"];
const LIFETIME: GoDuration = GoDuration::from_hours(1);

#[test]
fn a8_whatever_comes_in_whatever_order_no_certificate_lacks_its_proofs() {
    let issued = Cell::new(0);
    let games = (any::<bool>(), prop::collection::vec(step(), 1..90));
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 128,
        failure_persistence: None,
        ..ProptestConfig::default()
    });

    let played = runner.run(&games, |(reuse, steps)| {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        issued.set(issued.get() + runtime.block_on(play(reuse, steps)));
        Ok(())
    });

    played.unwrap();
    assert!(issued.get() >= 40, "only {} certificates: the games prove little", issued.get());
}

/// How many certificates were issued in a game.
async fn play(reuse: bool, steps: Vec<Step>) -> usize {
    let mut machine = Machine::new(reuse).await;
    for client in 0..2 {
        machine.run(Step { client, process: 0, fault: None, action: Action::Register }).await;
    }
    for step in steps {
        machine.run(step).await;
    }
    machine.check().await
}
