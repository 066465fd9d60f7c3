//! The numbered way of a certificate with the issuer's key in KMS.
