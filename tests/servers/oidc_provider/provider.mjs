// A certified OpenID provider for tests: node provider.mjs CONFIG, a JSON file {issuer, port, clients, accounts}.
import { readFile } from "node:fs/promises";
import Provider from "oidc-provider";

const { issuer, port, clients, accounts } = JSON.parse(await readFile(process.argv[2], "utf8"));

const provider = new Provider(issuer, {
  clients,
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"], groups: ["groups"] },
  scopes: ["openid", "email", "profile", "groups"],
  pkce: { required: () => true },
  features: { devInteractions: { enabled: true } },
  // Whoever has an account and says its name in the form is that person.
  findAccount: (_, id) => accounts[id] && { accountId: id, claims: () => ({ sub: id, ...accounts[id] }) },
});
provider.listen(port, "127.0.0.1");
