//! Which function a request goes to.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;

use crate::template::{DEFAULT_ROUTE, Route};

/// The routes of an HTTP API, each to a function by its place in a list.
#[derive(Clone, Debug, Default)]
pub(super) struct Routes(Vec<(Route, usize)>);

/// The route that a request took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Taken {
    /// The function's place in the list.
    pub(super) function: usize,
    /// As events name it: `ANY /root/{sha}` or `$default`.
    pub(super) key: String,
    /// The route's path.
    pub(super) resource: String,
    /// What stands for the parameters of the path, decoded.
    pub(super) parameters: BTreeMap<String, String>,
}

impl Routes {
    pub(super) fn add(&mut self, route: Route, function: usize) {
        self.0.push((route, function));
    }

    /// The most specific route: one with the method before `ANY`, one without parameters before one with, one that takes
    /// the rest of the path behind those, `$default` last.
    ///
    /// [Routing API requests](https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html)
    pub(super) fn take(&self, method: &str, path: &str) -> Option<Taken> {
        self.0
            .iter()
            .filter(|(route, _)| route.method == "ANY" || route.method == method)
            .filter_map(|(route, function)| {
                let parameters = matched(&route.path, path)?;
                let is_greedy = route.path.ends_with("+}");
                let generality =
                    (route.path == DEFAULT_ROUTE, is_greedy, parameters.len(), route.method == "ANY");
                Some((generality, route, *function, parameters))
            })
            .min_by_key(|(generality, ..)| *generality)
            .map(|(_, route, function, parameters)| Taken {
                function,
                key: match route.path.as_str() {
                    DEFAULT_ROUTE => DEFAULT_ROUTE.to_owned(),
                    path => format!("{} {path}", route.method),
                },
                resource: route.path.clone(),
                parameters,
            })
    }
}

fn matched(pattern: &str, path: &str) -> Option<BTreeMap<String, String>> {
    if pattern == DEFAULT_ROUTE {
        return Some(BTreeMap::new());
    }
    let mut parameters = BTreeMap::new();
    let mut segments = path.split('/');
    for expected in pattern.split('/') {
        let parameter = expected.strip_prefix('{').and_then(|name| name.strip_suffix('}'));
        let value = match parameter.and_then(|name| name.strip_suffix('+')) {
            Some(greedy) => {
                let rest: Vec<&str> = segments.by_ref().collect();
                parameters.insert(greedy.to_owned(), decoded(&rest.join("/")));
                return (!rest.is_empty()).then_some(parameters);
            }
            None => segments.next()?,
        };
        match parameter {
            Some(name) if !value.is_empty() => {
                parameters.insert(name.to_owned(), decoded(value));
            }
            None if value == expected => {}
            _ => return None,
        }
    }
    segments.next().is_none().then_some(parameters)
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_specific_route_is_taken() {
        let mut routes = Routes::default();
        let all = [
            ("ANY", "$default"),
            ("ANY", "/root/{sha}"),
            ("GET", "/root/{sha}"),
            ("ANY", "/root/own"),
            ("GET", "/x/{rest+}"),
            ("ANY", "/y/{a}/{rest+}"),
            ("ANY", "/y/{a}/order/{b}"),
        ];
        for (number, (method, path)) in all.into_iter().enumerate() {
            routes.add(Route { method: method.into(), path: path.into() }, number);
        }
        let taken = |method, path| routes.take(method, path).map(|taken| (taken.function, taken.key));

        assert_eq!(taken("GET", "/root/a%20b"), Some((2, "GET /root/{sha}".into())));
        assert_eq!(routes.take("GET", "/root/a%20b").unwrap().parameters["sha"], "a b");
        assert_eq!(taken("POST", "/root/ab"), Some((1, "ANY /root/{sha}".into())));
        assert_eq!(taken("GET", "/root/own"), Some((3, "ANY /root/own".into())));
        assert_eq!(taken("GET", "/root/"), Some((0, "$default".into())));
        assert_eq!(taken("GET", "/root/a/b"), Some((0, "$default".into())));
        assert_eq!(taken("GET", "/y/1/order/2"), Some((6, "ANY /y/{a}/order/{b}".into())));
        assert_eq!(taken("GET", "/y/1/order/2/3"), Some((5, "ANY /y/{a}/{rest+}".into())));
        assert_eq!(routes.take("GET", "/x/a/b").unwrap().parameters["rest"], "a/b");
    }

    #[test]
    fn without_a_default_an_unknown_path_goes_nowhere() {
        let mut routes = Routes::default();
        routes.add(Route { method: "POST".into(), path: "/sign".into() }, 0);
        assert_eq!(routes.take("POST", "/nothing"), None);
        assert_eq!(routes.take("GET", "/sign"), None);
    }
}
