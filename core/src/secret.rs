//! Wrappers for what must never reach a log: their `Debug` shows a placeholder and their memory is wiped.

use std::fmt;

use zeroize::Zeroizing;

/// A password, private key or other secret in bytes.
#[derive(Clone)]
pub struct SecretBytes(Zeroizing<Vec<u8>>);

impl SecretBytes {
    /// Takes ownership of `bytes`; they are wiped when the value is dropped.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The secret itself, for the one place that needs it.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretBytes(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compiles only if the type has no `PartialEq`: with it, two blanket implementations would fit.
    macro_rules! cannot_be_compared {
        ($($secret:ty),+) => {$({
            trait Ambiguous<A> {
                fn found() {}
            }
            impl<T: ?Sized> Ambiguous<()> for T {}
            struct Comparable;
            impl<T: ?Sized + PartialEq> Ambiguous<Comparable> for T {}
            <$secret as Ambiguous<_>>::found();
        })+};
    }

    /// `==` on secrets takes longer the more of them is right.
    #[test]
    fn o10_secrets_cannot_be_compared() {
        cannot_be_compared!(
            SecretBytes,
            crate::key::PrivateKey,
            crate::jose::PrivateJwk,
            crate::authority::RenewToken
        );
    }

    #[test]
    fn l16_the_debug_of_a_secret_shows_nothing_of_it() {
        assert_eq!(format!("{:?}", SecretBytes::new(b"open sesame".to_vec())), "SecretBytes(..)");
    }
}
