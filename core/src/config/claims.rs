//! Claims: how long certificates live and what a provisioner may do, and how a provisioner inherits them.

use super::duration::GoDuration;

/// The claims in force for a provisioner (or for the authority): every one has a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// Lifetimes of X.509 certificates.
    pub tls: Lifetimes,
    /// Lifetimes of SSH user certificates.
    pub user_ssh: Lifetimes,
    /// Lifetimes of SSH host certificates.
    pub host_ssh: Lifetimes,
    /// Whether SSH certificates are issued.
    pub enable_ssh_ca: bool,
    /// Whether renewal is refused.
    pub disable_renewal: bool,
    /// Whether an expired certificate may still be renewed.
    pub allow_renewal_after_expiry: bool,
    /// Whether certificates go without the extension that names their provisioner.
    pub disable_smallstep_extensions: bool,
}

/// The shortest, usual and longest lifetime of one kind of certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// Shortest allowed.
    pub min: GoDuration,
    /// Taken when the request names none.
    pub default: GoDuration,
    /// Longest allowed.
    pub max: GoDuration,
}

/// What one `claims` object says; what it leaves out is inherited.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClaimOverrides {
    /// `minTLSCertDuration`, `defaultTLSCertDuration`, `maxTLSCertDuration`.
    pub tls: LifetimeOverrides,
    /// `minUserSSHCertDuration`, `defaultUserSSHCertDuration`, `maxUserSSHCertDuration`.
    pub user_ssh: LifetimeOverrides,
    /// `minHostSSHCertDuration`, `defaultHostSSHCertDuration`, `maxHostSSHCertDuration`.
    pub host_ssh: LifetimeOverrides,
    /// `enableSSHCA`.
    pub enable_ssh_ca: Option<bool>,
    /// `disableRenewal`.
    pub disable_renewal: Option<bool>,
    /// `allowRenewalAfterExpiry`.
    pub allow_renewal_after_expiry: Option<bool>,
    /// `disableSmallstepExtensions`.
    pub disable_smallstep_extensions: Option<bool>,
}

/// The lifetimes that one `claims` object sets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LifetimeOverrides {
    /// Shortest allowed.
    pub min: Option<GoDuration>,
    /// Taken when the request names none.
    pub default: Option<GoDuration>,
    /// Longest allowed.
    pub max: Option<GoDuration>,
}

impl Claims {
    /// The claims of an authority that sets none, as step-ca has them.
    pub const DEFAULT: Self = Self {
        tls: Lifetimes {
            min: GoDuration::from_minutes(5),
            default: GoDuration::from_hours(24),
            max: GoDuration::from_hours(24),
        },
        user_ssh: Lifetimes {
            min: GoDuration::from_minutes(5),
            default: GoDuration::from_hours(16),
            max: GoDuration::from_hours(24),
        },
        host_ssh: Lifetimes {
            min: GoDuration::from_minutes(5),
            default: GoDuration::from_hours(720),
            max: GoDuration::from_hours(720),
        },
        enable_ssh_ca: false,
        disable_renewal: false,
        allow_renewal_after_expiry: false,
        disable_smallstep_extensions: false,
    };

    /// These claims with `overrides` on top.
    ///
    /// # Errors
    ///
    /// [`ClaimsError`] when the resulting X.509 lifetimes contradict each other. SSH lifetimes are not compared:
    /// step-ca does not either, and its files must load.
    pub fn inherit(&self, overrides: &ClaimOverrides) -> Result<Self, ClaimsError> {
        let tls = self.tls.inherit(overrides.tls);
        tls.check()?;
        Ok(Self {
            tls,
            user_ssh: self.user_ssh.inherit(overrides.user_ssh),
            host_ssh: self.host_ssh.inherit(overrides.host_ssh),
            enable_ssh_ca: overrides.enable_ssh_ca.unwrap_or(self.enable_ssh_ca),
            disable_renewal: overrides.disable_renewal.unwrap_or(self.disable_renewal),
            allow_renewal_after_expiry: overrides
                .allow_renewal_after_expiry
                .unwrap_or(self.allow_renewal_after_expiry),
            disable_smallstep_extensions: overrides
                .disable_smallstep_extensions
                .unwrap_or(self.disable_smallstep_extensions),
        })
    }
}

impl Lifetimes {
    /// Nothing is too short or too long.
    pub(super) const UNBOUNDED: Self = Self {
        min: GoDuration::from_nanos(1),
        default: GoDuration::from_hours(24),
        max: GoDuration::from_nanos(i64::MAX),
    };

    fn inherit(self, overrides: LifetimeOverrides) -> Self {
        // Whoever sets only the usual lifetime means it to be allowed, so an inherited bound gives way to it.
        let (inherited_min, inherited_max) = match overrides.default {
            Some(default) => (self.min.min(default), self.max.max(default)),
            None => (self.min, self.max),
        };
        Self {
            min: overrides.min.unwrap_or(inherited_min),
            default: overrides.default.unwrap_or(self.default),
            max: overrides.max.unwrap_or(inherited_max),
        }
    }

    fn check(self) -> Result<(), ClaimsError> {
        let Self { min, default, max } = self;
        for (claim, found) in
            [("minTLSCertDuration", min), ("maxTLSCertDuration", max), ("defaultTLSCertDuration", default)]
        {
            if found <= GoDuration::ZERO {
                return Err(ClaimsError::NotPositive { claim, found });
            }
        }
        if max < min {
            return Err(ClaimsError::MaxBelowMin { min, max });
        }
        if default < min {
            return Err(ClaimsError::DefaultBelowMin { default, min });
        }
        if default > max {
            return Err(ClaimsError::DefaultAboveMax { default, max });
        }
        Ok(())
    }
}

/// How X.509 lifetimes contradict each other, after inheritance.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClaimsError {
    /// A lifetime of zero or less.
    #[error("{claim} is {found}, but must be longer than 0s")]
    NotPositive {
        /// The claim's key.
        claim: &'static str,
        /// Its value.
        found: GoDuration,
    },
    /// The longest is shorter than the shortest.
    #[error("maxTLSCertDuration ({max}) is shorter than minTLSCertDuration ({min})")]
    MaxBelowMin {
        /// The shortest lifetime.
        min: GoDuration,
        /// The longest lifetime.
        max: GoDuration,
    },
    /// The usual one is shorter than the shortest.
    #[error("defaultTLSCertDuration ({default}) is shorter than minTLSCertDuration ({min})")]
    DefaultBelowMin {
        /// The usual lifetime.
        default: GoDuration,
        /// The shortest lifetime.
        min: GoDuration,
    },
    /// The usual one is longer than the longest.
    #[error("defaultTLSCertDuration ({default}) is longer than maxTLSCertDuration ({max})")]
    DefaultAboveMax {
        /// The usual lifetime.
        default: GoDuration,
        /// The longest lifetime.
        max: GoDuration,
    },
}

#[cfg(test)]
mod tests;
