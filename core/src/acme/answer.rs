//! What a granted request is answered with.

/// A resource, and what goes into the header of its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer<T> {
    /// The resource.
    pub resource: T,
    /// Whether the request has made it.
    pub created: bool,
    /// Its URL, where the client has to learn it.
    pub location: Option<String>,
    /// The URL of what it is a part of (`Link` with the relation `up`).
    pub up: Option<String>,
    /// The URL of the rest of a list (`next`).
    pub next: Option<String>,
    /// URLs of other chains of a certificate (`alternate`).
    pub alternates: Vec<String>,
    /// After so many seconds it may look otherwise.
    pub retry_after: Option<u64>,
}

impl<T> Answer<T> {
    /// The resource alone.
    pub fn new(resource: T) -> Self {
        Self {
            resource,
            created: false,
            location: None,
            up: None,
            next: None,
            alternates: Vec::new(),
            retry_after: None,
        }
    }

    /// With its URL.
    #[must_use]
    pub fn at(self, location: String) -> Self {
        Self { location: Some(location), ..self }
    }
}
