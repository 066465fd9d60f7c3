//! `stepless quickstart`: a running authority and a first certificate, by one command.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use http::{HeaderMap, Uri};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use stepless_aws::configuration::ConfigurationPlace;
use stepless_core::clock::Clock;
use stepless_core::jose::{PrivateJwk, SigningAlgorithm, jwe};
use stepless_core::key::{KeyKind, PrivateKey, SignatureAlgorithm};
use stepless_core::random::random_bytes;
use stepless_core::secret::SecretBytes;
use stepless_core::x509::{Certificate, DistinguishedName, RequestBody, SubjectAltName, SubjectAltNames};
use stepless_net::{
    FetchError, FetchLimits, FetchResponse, HttpsClient, ProberSettings, SystemClock, SystemRandom,
};
use tokio::sync::oneshot;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::args::QuickstartArguments;
use crate::authority::{self, LoadedConfig, Strictness};
use crate::error::{CliError, Context};
use crate::files::{self, Readers};
use crate::init::{self, Folder, Plan, ca_url};
use crate::serve::{Hangup, Server, end_of_process, runtime};
use crate::{logging, password, shell};

/// Makes the authority if there is none, serves it, gets a certificate from it, and says how to go on.
pub(crate) fn run(arguments: &QuickstartArguments) -> Result<(), CliError> {
    let folder = Folder::new(&arguments.dir)?;
    let password_file =
        arguments.password_file.clone().unwrap_or_else(|| folder.path().join("secrets/password"));
    let runtime = runtime()?;
    if folder.config().exists() {
        println!("Using the certificate authority in {}", folder.path().display());
    } else {
        runtime.block_on(make(&folder, arguments, &password_file))?;
        println!("Made a certificate authority in {}", folder.path().display());
    }
    let password = password::from_file(&password_file)?;
    runtime.block_on(async {
        let config = ConfigurationPlace::File(folder.config());
        let loaded = authority::load_config(&config, Strictness::Lenient).await?;
        logging::start(loaded.config.logger.format);
        serve(&folder, &loaded, &password_file, &password).await
    })
}

async fn serve(
    folder: &Folder,
    loaded: &LoadedConfig,
    password_file: &Path,
    password: &SecretBytes,
) -> Result<(), CliError> {
    let server = Server::open(loaded, Some(password_file), ProberSettings::standard()).await?;
    let root =
        server.authority.roots().first().cloned().ok_or_else(|| CliError::new("ca.json names no root"))?;
    let bound = server.address()?;
    let url = ca_url(&loaded.config.dns_names, bound.port());
    // Straight to the socket: the name may not be known to any resolver yet, or to that of other machines only.
    let name = loaded.config.dns_names.first().map_or("localhost", String::as_str);
    let client = HttpsClient::for_server_named(name, &[root.as_der().to_vec()], FetchLimits::STANDARD)
        .context("the first certificate cannot be asked for")?;
    let running = Running { client, socket: reachable(bound), url: &url };
    let end = end_of_process(Hangup::Ends)?;
    let (stop, stopped) = oneshot::channel::<()>();
    let mut serving = tokio::spawn(server.run(async {
        tokio::select! {
            () = end => {}
            // A dropped sender means the same: the first certificate could not be had.
            _ = stopped => {}
        }
    }));
    let first = tokio::select! {
        ended = &mut serving => return ended.context("the server ended unexpectedly")?,
        first = first_certificate(folder, &running, password) => first,
    };
    match first {
        Ok(first) => say_how_to_go_on(folder, &url, &root, password_file, &first),
        Err(error) => {
            drop(stop);
            serving.await.context("the server ended unexpectedly")??;
            return Err(error);
        }
    }
    let ended = serving.await.context("the server ended unexpectedly")?;
    drop(stop);
    ended
}

/// Makes the authority, with a random password if none was given.
async fn make(
    folder: &Folder,
    arguments: &QuickstartArguments,
    password_file: &Path,
) -> Result<(), CliError> {
    folder.refuse_existing()?;
    if arguments.password_file.is_none() && !password_file.exists() {
        files::create_folder(&folder.path().join("secrets"))?;
        let random = random_bytes::<24>(&SystemRandom).context("a password cannot be drawn")?;
        files::create(
            password_file,
            format!("{}\n", URL_SAFE_NO_PAD.encode(random)).as_bytes(),
            Readers::Owner,
        )?;
    }
    let plan = Plan {
        name: &arguments.name,
        dns_names: &arguments.dns,
        address: &arguments.address,
        provisioner: &arguments.provisioner,
        acme_provisioner: None,
    };
    init::make(folder, &plan, &password::from_file(password_file)?).await?;
    Ok(())
}

/// The server, as its first client sees it.
struct Running<'a> {
    client: HttpsClient,
    socket: SocketAddr,
    /// What other clients reach it by, and tokens name.
    url: &'a str,
}

/// What the first certificate is for and where it lies.
struct FirstCertificate {
    name: String,
    certificate: PathBuf,
    key: PathBuf,
    provisioner: String,
}

/// Does over HTTPS what the `step` command does: provisioners, key, token, certificate.
async fn first_certificate(
    folder: &Folder,
    running: &Running<'_>,
    password: &SecretBytes,
) -> Result<FirstCertificate, CliError> {
    let Running { client, socket, url } = running;
    let listed: Provisioners = answer(client.get(&uri(*socket, "/provisioners")?).await)?;
    let (provisioner, encrypted) = listed
        .provisioners
        .into_iter()
        .find_map(|provisioner| Some((provisioner.name, provisioner.encrypted_key?)))
        .ok_or_else(|| CliError::new("the authority has no JWK provisioner with an encrypted key"))?;
    let key = jwe::decrypt(&encrypted, password).context("the provisioner's key does not open")?;
    let key = PrivateJwk::parse(&key).context("the provisioner's key cannot be read")?;

    let name = "hello.localhost".to_owned();
    let leaf_key = PrivateKey::generate(KeyKind::P256).context("a key cannot be made")?;
    let body = json!({
        "csr": request(&name, &leaf_key)?,
        "ott": token(&name, &provisioner, &format!("{url}/1.0/sign"), &key)?,
    });
    let body = serde_json::to_vec(&body).context("the request cannot be written")?;
    let signed: Signed = answer(client.post_json(&uri(*socket, "/sign")?, body, &HeaderMap::new()).await)?;
    let leaf = Certificate::from_pem(&signed.crt).context("the answer is not a certificate")?;

    // A certificate of an earlier run stays where it is; this one gets its serial number into its name.
    let stem = match folder.path().join("certs").join(format!("{name}.crt")).exists() {
        true => format!("{name}-{}", leaf.serial()),
        false => name.clone(),
    };
    let certificate = folder.path().join("certs").join(format!("{stem}.crt"));
    let key_file = folder.path().join("secrets").join(format!("{stem}.key"));
    let pem = leaf_key.to_pem().context("a key cannot be written")?;
    files::create(&key_file, pem.expose(), Readers::Owner)?;
    files::create(&certificate, signed.chain.concat().as_bytes(), Readers::Everybody)?;
    Ok(FirstCertificate { name, certificate, key: key_file, provisioner })
}

/// A certificate request in PEM.
fn request(name: &str, key: &PrivateKey) -> Result<String, CliError> {
    let san = SubjectAltName::classify(name).context("the name cannot be certified")?;
    let body = RequestBody {
        subject: DistinguishedName::from_common_name(name).context("the name cannot be certified")?,
        public_key: key.public_key().clone(),
        sans: SubjectAltNames { names: vec![san], others: Vec::new() },
    };
    let algorithm = SignatureAlgorithm::default_for(key.public_key().kind());
    let to_be_signed = body.to_be_signed();
    let signature = key.sign(algorithm, &to_be_signed).context("the request cannot be signed")?;
    Ok(body.assemble(algorithm, &signature).context("the request cannot be put together")?.to_pem())
}

/// A one-time token for `name`, good for five minutes.
fn token(name: &str, provisioner: &str, audience: &str, key: &PrivateJwk) -> Result<String, CliError> {
    let now = SystemClock.now().as_second();
    let id = random_bytes::<32>(&SystemRandom).context("a token cannot be drawn")?;
    let private = PrivateKey::from_pkcs8_der(key.pkcs8_der().expose())
        .context("the provisioner's key cannot be used")?;
    let kind = private.public_key().kind();
    let algorithm = SigningAlgorithm::default_for(kind)
        .ok_or_else(|| CliError::new("the provisioner's key is of a kind that signs no tokens"))?;
    let header = json!({
        "alg": algorithm.name(),
        "typ": "JWT",
        "kid": key.public().key_id(),
    });
    let claims = json!({
        "iss": provisioner,
        "aud": audience,
        "sub": name,
        "sans": [name],
        "jti": hex::encode(id),
        "nbf": now,
        "iat": now,
        "exp": now + TOKEN_SECONDS,
    });
    let signed_part = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header.to_string()),
        URL_SAFE_NO_PAD.encode(claims.to_string())
    );
    let signature = private
        .sign_jose(SignatureAlgorithm::default_for(kind), signed_part.as_bytes())
        .context("the token cannot be signed")?;
    Ok(format!("{signed_part}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

const TOKEN_SECONDS: i64 = 300;

fn say_how_to_go_on(
    folder: &Folder,
    url: &str,
    root: &Certificate,
    password_file: &Path,
    first: &FirstCertificate,
) {
    println!("Serving it at {url}");
    println!("Root fingerprint: {}", root.fingerprint_sha256());
    println!();
    println!("A first certificate, for {}:", first.name);
    println!("  {}", first.certificate.display());
    println!("  {}", first.key.display());
    println!();
    println!("Go on with the step command, in another shell:");
    let (root_file, word) = (shell::path(&folder.root_certificate()), shell::word(url));
    // Without --force: what an earlier authority left is the reader's to give up.
    println!("  step ca bootstrap --ca-url {word} --fingerprint {}", root.fingerprint_sha256());
    println!(
        "  step ca certificate --provisioner {} --provisioner-password-file {} myhost.localhost myhost.crt myhost.key",
        shell::word(&first.provisioner),
        shell::path(password_file)
    );
    println!();
    println!("Or with curl alone:");
    println!("  curl --cacert {root_file} {}", shell::word(&format!("{url}/health")));
    println!(
        "  curl --cacert {root_file} --cert {} --key {} -X POST {}",
        shell::path(&first.certificate),
        shell::path(&first.key),
        shell::word(&format!("{url}/renew"))
    );
    println!();
    println!("It runs until you press Ctrl-C.");
}

/// The address that this machine reaches a socket by: one bound to every address is reached by loopback.
fn reachable(bound: SocketAddr) -> SocketAddr {
    let host = match bound.ip() {
        IpAddr::V4(address) if address.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(address) if address.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        address => address,
    };
    SocketAddr::new(host, bound.port())
}

fn uri(socket: SocketAddr, path: &str) -> Result<Uri, CliError> {
    format!("https://{socket}{path}").parse().context(format_args!("{socket} makes no URL"))
}

#[derive(Deserialize)]
struct Provisioners {
    provisioners: Vec<ListedProvisioner>,
}

#[derive(Deserialize)]
struct ListedProvisioner {
    name: String,
    #[serde(rename = "encryptedKey")]
    encrypted_key: Option<String>,
}

#[derive(Deserialize)]
struct Signed {
    crt: String,
    #[serde(rename = "certChain")]
    chain: Vec<String>,
}

#[derive(Deserialize)]
struct Refused {
    message: String,
}

/// The JSON of a good answer.
fn answer<T: DeserializeOwned>(response: Result<FetchResponse, FetchError>) -> Result<T, CliError> {
    let response = response.context("the authority cannot be reached")?;
    if response.status.is_success() {
        return serde_json::from_slice(&response.body).context("the answer of the authority cannot be read");
    }
    let message = serde_json::from_slice::<Refused>(&response.body).map(|refused| refused.message);
    Err(CliError::new(format!("the authority answered {}: {}", response.status, message.unwrap_or_default())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_of_every_address_is_reached_by_loopback() {
        let reached = |bound: &str| reachable(bound.parse().unwrap()).to_string();

        assert_eq!(reached("0.0.0.0:9000"), "127.0.0.1:9000");
        assert_eq!(reached("[::]:9000"), "[::1]:9000");
        assert_eq!(reached("10.0.0.1:9000"), "10.0.0.1:9000");
    }
}
