//! A world in memory: a root, an issuer, provisioners, a clock that stands still, and ports that can be made to fail.

mod ca;
mod der;
mod gate;
mod log;
mod ports;
mod request;
mod token;

use std::sync::Arc;

pub(crate) use ca::{Ca, Extension, P256, validity};
pub(crate) use der::{octets, sequence, value};
pub(crate) use gate::Gate;
pub(crate) use log::Log;
pub(crate) use ports::{Liar, RecordingSigner, SeededRandom};
pub(crate) use request::{HandmadeRequest, request};
pub(crate) use token::{Token, base64url, fresh_id, x5c};

use gate::{GatedSigner, GatedStore};

use crate::authority::{
    Authority, AuthorityError, AuthorityParts, ClientCredential, IssuedAtCheck, IssuedCertificate, OpenError,
    Persistence, RenewToken, RevokeCredential, RevokeRequest, SignRequest,
};
use crate::clock::{Clock as _, FixedClock, SignedDuration, Timestamp};
use crate::config::{AcmeOptions, Asn1Dn, Claims, TimeDuration, TlsOptions};
use crate::fault::{Call, Fault, Faults};
use crate::jose::{Jwk, Thumbprint};
use crate::key::fault::FaultySigner;
use crate::key::{PrivateKey, Signer};
use crate::peer::PeerCertificates;
use crate::provisioner::{Audiences, JwkProvisioner, Provisioner, Provisioners, Service};
use crate::store::fault::FaultyStore;
use crate::store::table::{self, CertificateRecord, CertificateState};
use crate::store::{Key, MemoryStore, Record, Store};
use crate::x509::{Certificate, IssuerChain, ProvisionerKind, SerialNumber};

/// Everything an authority works with. What is public may be changed before the next [`World::authority`]: the next
/// process then starts with another configuration.
pub(crate) struct World {
    pub(crate) clock: Arc<FixedClock>,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) faults: Arc<Faults>,
    pub(crate) random: Arc<SeededRandom>,
    pub(crate) signer: Arc<RecordingSigner>,
    pub(crate) root: Arc<Ca>,
    pub(crate) issuer: Arc<Ca>,
    pub(crate) admin: Arc<PrivateKey>,
    pub(crate) other: Arc<PrivateKey>,
    pub(crate) claims: Claims,
    pub(crate) template: Asn1Dn,
    pub(crate) dns_names: Vec<String>,
    pub(crate) backdate: SignedDuration,
    pub(crate) persistence: Persistence,
    pub(crate) removed: Vec<&'static str>,
    pub(crate) acme: AcmeOptions,
    /// A second ACME provisioner, `acme-b`, with the same options.
    pub(crate) second_acme: bool,
}

impl World {
    pub(crate) fn new() -> Self {
        let root = Ca::root("Test Root");
        let issuer = root.intermediate("Test Issuer");
        Self::of(root, issuer)
    }

    /// A world whose issuer is this one.
    pub(crate) fn of(root: Ca, issuer: Ca) -> Self {
        let clock = Arc::new(FixedClock::new(NOW.parse().unwrap()));
        Self {
            store: Arc::new(MemoryStore::new(clock.clone())),
            faults: Arc::new(Faults::none()),
            random: Arc::new(SeededRandom::new(1)),
            signer: Arc::new(RecordingSigner::new(issuer.key.clone())),
            root: Arc::new(root),
            issuer: Arc::new(issuer),
            admin: Arc::new(PrivateKey::generate(P256).unwrap()),
            other: Arc::new(PrivateKey::generate(P256).unwrap()),
            claims: Claims::DEFAULT,
            template: Asn1Dn::default(),
            dns_names: vec!["ca.example".to_owned()],
            backdate: SignedDuration::from_mins(1),
            persistence: Persistence::Durable,
            removed: Vec::new(),
            acme: AcmeOptions::default(),
            second_acme: false,
            clock,
        }
    }

    /// The same keys, certificates and configuration with an empty store, at this world's time.
    pub(crate) fn fork(&self) -> Self {
        let clock = Arc::new(FixedClock::new(self.now()));
        Self {
            store: Arc::new(MemoryStore::new(clock.clone())),
            faults: Arc::new(Faults::none()),
            random: Arc::new(SeededRandom::new(2)),
            signer: Arc::new(RecordingSigner::new(self.issuer.key.clone())),
            clock,
            root: self.root.clone(),
            issuer: self.issuer.clone(),
            admin: self.admin.clone(),
            other: self.other.clone(),
            claims: self.claims.clone(),
            template: self.template.clone(),
            dns_names: self.dns_names.clone(),
            backdate: self.backdate,
            persistence: self.persistence,
            removed: self.removed.clone(),
            acme: self.acme.clone(),
            second_acme: self.second_acme,
        }
    }

    /// One more process: an authority on this world's store and key, its calls counted by this world's faults.
    pub(crate) async fn authority(&self) -> Authority {
        self.open(self.signer.clone()).await.unwrap()
    }

    /// As [`World::authority`], with another signer.
    pub(crate) async fn open(&self, signer: Arc<dyn Signer>) -> Result<Authority, OpenError> {
        Authority::open(self.parts(signer)).await
    }

    /// As [`World::authority`], with a gate at its `call`th call from now on.
    pub(crate) async fn gated(&self, call: usize) -> (Arc<Authority>, Arc<Gate>) {
        let gate = Arc::new(Gate::default());
        let mut parts = self.parts(self.signer.clone());
        parts.store = Arc::new(GatedStore { inner: parts.store, gate: gate.clone() });
        parts.signer = Arc::new(GatedSigner { inner: parts.signer, gate: gate.clone() });
        let authority = Arc::new(Authority::open(parts).await.unwrap());
        gate.close_at(call);
        (authority, gate)
    }

    pub(crate) fn parts(&self, signer: Arc<dyn Signer>) -> AuthorityParts {
        let store: Arc<dyn Store> = self.store.clone();
        AuthorityParts {
            issuers: IssuerChain::new(vec![self.issuer.certificate.clone()]).unwrap(),
            signer: Arc::new(FaultySigner::new(signer, self.faults.clone())),
            roots: vec![self.root.certificate.clone()],
            federated_roots: Vec::new(),
            provisioners: self.provisioners(),
            store: Arc::new(FaultyStore::new(store, self.faults.clone())),
            persistence: self.persistence,
            clock: self.clock.clone(),
            random: self.random.clone(),
            dns_names: self.dns_names.clone(),
            common_name: "Test CA".to_owned(),
            subject_template: self.template.clone(),
            backdate: self.backdate,
            issued_at_check: IssuedAtCheck::Enabled,
            tls_options: TlsOptions::default(),
        }
    }

    fn provisioners(&self) -> Provisioners {
        let jwk = |name: &str, key: &PrivateKey| {
            let service = JwkProvisioner {
                name: name.to_owned(),
                id: format!("{name}:{}", key_id(key)),
                key: Jwk::from_public_key(key.public_key().clone()).unwrap(),
            };
            self.provisioner(name, &service.id.clone(), ProvisionerKind::Jwk, Service::Jwk(service))
        };
        let list = vec![
            jwk("admin", &self.admin),
            jwk("other", &self.other),
            self.provisioner(
                "acme",
                "acme/acme",
                ProvisionerKind::Acme,
                Service::Acme(Arc::new(self.acme.clone())),
            ),
            self.provisioner("scep", "scep/scep", ProvisionerKind::Scep, Service::WithoutTokens),
            self.provisioner(
                "broken",
                "broken:kid",
                ProvisionerKind::Jwk,
                Service::Disabled("no key".to_owned()),
            ),
        ];
        let second = self.second_acme.then(|| {
            let service = Service::Acme(Arc::new(self.acme.clone()));
            self.provisioner("acme-b", "acme/acme-b", ProvisionerKind::Acme, service)
        });
        let list =
            list.into_iter().chain(second).filter(|one| !self.removed.contains(&one.name.as_str())).collect();
        Provisioners::new(list, Audiences::new(&self.dns_names)).unwrap()
    }

    fn provisioner(&self, name: &str, id: &str, kind: ProvisionerKind, service: Service) -> Provisioner {
        Provisioner {
            id: id.to_owned(),
            name: name.to_owned(),
            kind,
            claims: self.claims.clone(),
            encrypted_key: None,
            listing: serde_json::value::to_raw_value(&serde_json::json!({ "name": name })).unwrap(),
            service,
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// `fault` at the call with this number, counted from now on; the first is 1.
    pub(crate) fn fail(&self, call: usize, fault: Fault) {
        self.faults.add(self.faults.calls().len() + call, fault);
    }

    /// The process that does `work` dies before the call with this number.
    pub(crate) async fn dies_before<T>(&self, call: usize, work: impl Future<Output = T>) {
        self.fail(call, Fault::StopBefore);
        tokio::select! {
            _ = work => panic!("it should have died"),
            () = self.faults.stopped() => {}
        }
    }

    /// The calls that `work` makes.
    pub(crate) async fn calls_of<T>(&self, work: impl Future<Output = T>) -> (T, Vec<Call>) {
        let before = self.faults.calls().len();
        let answer = work.await;
        (answer, self.faults.calls().split_off(before))
    }

    /// A certificate for `name` in its subject and its SAN, from the provisioner `admin`.
    pub(crate) async fn certificate(&self, name: &str, key: &PrivateKey) -> Certificate {
        let token = Token::new(self, name).mint(&self.admin);
        let issued = sign(&self.authority().await, &request(key, name, &[name]), &token).await;
        issued.unwrap().certificate().clone()
    }

    /// What a client with this certificate shows in the handshake.
    pub(crate) fn peer(&self, certificate: &Certificate) -> PeerCertificates {
        PeerCertificates(Arc::from([
            certificate.as_der().to_vec(),
            self.issuer.certificate.as_der().to_vec(),
        ]))
    }

    /// The credential of a client with this certificate.
    pub(crate) fn by_tls(&self, certificate: &Certificate) -> ClientCredential {
        ClientCredential::Certificates(self.peer(certificate))
    }

    /// The record of this serial number.
    pub(crate) async fn record(&self, serial: &SerialNumber) -> Option<CertificateRecord> {
        let found = self.store.get(&table::certificate(serial)).await.unwrap()?;
        Some(table::decode(&found).unwrap())
    }

    /// The records of all serial numbers that were ever drawn in this world.
    pub(crate) async fn records(&self) -> Vec<(SerialNumber, CertificateRecord)> {
        let mut records = Vec::new();
        for serial in self.random.serials() {
            if let Some(record) = self.record(&serial).await {
                records.push((serial, record));
            }
        }
        records
    }

    /// The certificates that are issued, by their records.
    pub(crate) async fn issued(&self) -> Vec<Certificate> {
        let records = self.records().await.into_iter().map(|(_, record)| record.state);
        let certificates = records.filter_map(|state| match state {
            CertificateState::Issued { certificate } => Some(Certificate::from_der(&certificate.0).unwrap()),
            CertificateState::Intent { .. } | CertificateState::Abandoned { .. } => None,
        });
        certificates.collect()
    }

    /// Every signature that was ever made has its record, and the record is of what was signed.
    pub(crate) async fn assert_every_signature_has_its_record(&self) {
        let records = self.records().await;
        for message in self.signer.signed() {
            let is_of_it = |(_, record): &(_, CertificateRecord)| match &record.state {
                CertificateState::Intent { to_be_signed, .. }
                | CertificateState::Abandoned { to_be_signed } => to_be_signed.0 == message,
                CertificateState::Issued { certificate } => {
                    Certificate::from_der(&certificate.0).unwrap().tbs_der() == message
                }
            };
            assert!(records.iter().any(is_of_it), "a signature without a record");
        }
    }

    pub(crate) async fn get(&self, key: &Key) -> Option<Record> {
        self.store.get(key).await.unwrap()
    }
}

/// Asks for a certificate as clients do that leave the times to the authority.
pub(crate) async fn sign(
    authority: &Authority,
    csr: &str,
    token: &str,
) -> Result<IssuedCertificate, AuthorityError> {
    let (not_before, not_after) = (TimeDuration::Unset, TimeDuration::Unset);
    authority.sign(SignRequest { csr, token, not_before, not_after }).await
}

pub(crate) fn by_token(token: String) -> ClientCredential {
    ClientCredential::RenewToken(RenewToken::new(token))
}

/// Revokes, for no special reason.
pub(crate) async fn revoke(
    authority: &Authority,
    serial: &SerialNumber,
    token: String,
) -> Result<(), AuthorityError> {
    revoke_for(authority, serial, 0, &RevokeCredential::Token(token)).await
}

pub(crate) async fn revoke_for(
    authority: &Authority,
    serial: &SerialNumber,
    reason_code: i64,
    credential: &RevokeCredential,
) -> Result<(), AuthorityError> {
    let request = RevokeRequest::parse(&serial.to_string(), reason_code, "test".to_owned(), true).unwrap();
    authority.revoke(request, credential).await
}

/// The `kid` of a provisioner with this key.
pub(crate) fn key_id(key: &PrivateKey) -> String {
    Thumbprint::of(key.public_key()).unwrap().to_string()
}

/// A little more than the lease of an intent.
pub(crate) const LEASE_OVER: i64 = 31;

const NOW: &str = "2026-06-01T12:00:00Z";
