//! Step 1 for those who hold a token of a provisioner.

use super::{Authority, AuthorityError};
use crate::clock::Timestamp;
use crate::jose::{CLOCK_LEEWAY, Claims};
use crate::provisioner::{AuthorizedToken, Denied, Operation, Provisioner, TokenError};

impl Authority {
    /// 1. verify the credential: the token's signature, then its claims. Nothing is written.
    pub(super) fn authorize_token(
        &self,
        token: &str,
        operation: Operation,
    ) -> Result<(&Provisioner, AuthorizedToken), AuthorityError> {
        let (provisioner, token) = self.provisioners.authorize(token, operation, self.clock.now())?;
        self.check_issued_at(token.claims())?;
        Ok((provisioner, token))
    }

    /// Refuses tokens from before the authority existed: whatever store knew that they were spent is gone.
    pub(super) fn check_issued_at(&self, claims: &Claims) -> Result<(), TokenError> {
        let (Some(created), Some(issued_at)) = (self.created, claims.issued_at()) else {
            return Ok(());
        };
        // Both clocks show whole seconds in tokens, and they may differ by the leeway.
        let earliest = created.saturating_sub(CLOCK_LEEWAY).unwrap_or(Timestamp::MIN);
        if issued_at < earliest {
            return Err(TokenError::BeforeAuthority { issued_at, created });
        }
        Ok(())
    }
}

impl From<Denied> for AuthorityError {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Token(error) => Self::Token(error),
            Denied::TokenFlowNotSupported => Self::TokenFlowNotSupported,
            Denied::Disabled { name } => Self::ProvisionerDisabled { name },
        }
    }
}
