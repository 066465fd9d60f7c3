"""Gets a certificate for one name by a DNS challenge that certbot has no solver for, with certbot's own library.

usage: order.py directory kind name name-server output
"""

import base64
import datetime
import hashlib
import subprocess
import sys
import time

import josepy
from acme import client, crypto_util, messages
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

directory, kind, name, name_server, output = sys.argv[1:]
base = name.removeprefix("*.")


class Ready(josepy.JSONObjectWithFields):
    """What a client says of a challenge that it is ready for: an empty object, which is still one."""

    def __bool__(self):
        return True


def key():
    return ec.generate_private_key(ec.SECP256R1())


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def publish(owner, text):
    update = f'server {name_server}\nzone corp.example.\nadd {owner}. 1 TXT "{text}"\nsend\n'
    subprocess.run(["knsupdate"], input=update, text=True, check=True)


net = client.ClientNetwork(josepy.JWKEC(key=josepy.ComparableECKey(key())), alg=josepy.ES256)
acme = client.ClientV2(client.ClientV2.get_directory(directory, net), net)
registration = messages.NewRegistration.from_data(email="person@mail.example", terms_of_service_agreed=True)
account = acme.new_account(registration).uri

leaf = key()
leaf_pem = leaf.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
)
order = acme.new_order(crypto_util.make_csr(leaf_pem, [name]))
[authorization] = order.authorizations
[challenge] = [one.chall.jobj for one in authorization.body.challenges if one.chall.jobj["type"] == kind]

if kind == "dns-account-01":
    # The label is made from the account's URL, so that several accounts can prove one name side by side.
    label = base64.b32encode(hashlib.sha256(account.encode()).digest()[:10]).decode().lower()
    proof = challenge["token"] + "." + encoded(net.key.thumbprint())
    publish(f"_{label}._acme-challenge.{base}", encoded(hashlib.sha256(proof.encode()).digest()))
else:
    issuer = challenge["issuer-domain-names"][0]
    publish(f"_validation-persist.{base}", f"{issuer}; accounturi={account}; policy=wildcard")

net.post(challenge["url"], Ready(), new_nonce_url=acme.directory["newNonce"])
deadline = datetime.datetime.now() + datetime.timedelta(seconds=30)
while authorization.body.status == messages.STATUS_PENDING and datetime.datetime.now() < deadline:
    time.sleep(0.2)
    authorization, _ = acme.poll(authorization)
if authorization.body.status != messages.STATUS_VALID:
    sys.exit(f"the authorization is {authorization.body.status}: {authorization.body.to_partial_json()}")

order = acme.finalize_order(order, deadline)
with open(output, "w", encoding="ascii") as file:
    file.write(order.fullchain_pem)
