//! `POST /acme/{provisioner}/order/{id}/finalize`: a certificate for an order whose names are proven. The one function
//! of ACME that signs.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::post;
use stepless_core::acme::Acme;

use crate::access_log::LoggedCertificate;
use crate::acme::{Names, Posted, Refused, named, resource};
use crate::unhurried::to_the_end;

/// The routes of this function, below the prefix that [`acme::service`](crate::acme::service) puts before them.
pub fn routes(acme: Arc<Acme>) -> Router {
    Router::new().route("/{provisioner}/order/{id}/finalize", post(finalize)).with_state(acme)
}

async fn finalize(
    State(acme): State<Arc<Acme>>,
    Names((_, id)): Names<(String, String)>,
    posted: Posted,
) -> Result<Response, Refused> {
    let id = named(&id, "order")?;
    to_the_end(async move {
        let endpoint = posted.asked.endpoint(&acme)?;
        let answer = acme.finalize(&endpoint, posted.body(), &id).await?;
        let mut response = resource(&answer)?;
        if let Some(serial) = answer.resource.serial() {
            let logged = LoggedCertificate::of_order(serial.clone(), posted.asked.provisioner());
            response.extensions_mut().insert(logged);
        }
        Ok(response)
    })
    .await
}
