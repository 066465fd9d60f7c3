//! What a function serves: made anew whenever the configuration changes.

use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use stepless_core::acme::{Acme, Validator};
use stepless_core::authority::Authority;
use stepless_functions::{AcmeServer, Face, acme, acme_finalize};

use crate::source::{NotOpen, Opened};

/// A function, before it has an authority.
#[async_trait]
pub(crate) trait Function: Send + Sync {
    /// What it is with one.
    type Service: Send + Sync;

    /// Makes that.
    ///
    /// # Errors
    /// [`NotOpen`]; asking again may help.
    async fn serve(&self, opened: &Opened) -> Result<Self::Service, NotOpen>;
}

/// A function behind a gateway.
pub(crate) enum Web {
    /// Routes of the authority.
    Step(Router<Arc<Authority>>),
    /// ACME, but for the route that signs.
    Acme(Validator),
    /// The route of ACME that signs.
    AcmeFinalize,
}

impl Web {
    /// In which form it refuses.
    pub(crate) fn face(&self) -> Face {
        match self {
            Self::Step(_) => Face::Step,
            Self::Acme(_) | Self::AcmeFinalize => Face::Acme,
        }
    }
}

#[async_trait]
impl Function for Web {
    type Service = Router;

    async fn serve(&self, opened: &Opened) -> Result<Router, NotOpen> {
        let trace_header = opened.trace_header.clone();
        let authority = Arc::clone(&opened.authority);
        Ok(match self {
            Self::Step(routes) => stepless_functions::service(routes.clone(), authority, trace_header),
            Self::Acme(validator) => {
                let acme = Arc::new(Acme::open(authority).await?);
                let server = AcmeServer { acme: Arc::clone(&acme), validator: validator.clone() };
                acme::service(acme::routes(server), acme, trace_header)
            }
            Self::AcmeFinalize => {
                let acme = Arc::new(Acme::open(authority).await?);
                acme::service(acme_finalize::routes(Arc::clone(&acme)), acme, trace_header)
            }
        })
    }
}

/// The function that tries validations again.
pub(crate) struct Retries;

#[async_trait]
impl Function for Retries {
    type Service = Acme;

    async fn serve(&self, opened: &Opened) -> Result<Acme, NotOpen> {
        Ok(Acme::open(Arc::clone(&opened.authority)).await?)
    }
}
