// A certified OAuth server that nobody here wrote (oidc-provider, npm), whose clients sign: it knows
// the public part of their keys and no secret. PKCE is required, refresh tokens rotate.
// Usage: node oidc_signed.mjs KEYS, where KEYS is a JSON file with a key set per client id.
// Prints its issuer once it listens.
import { createServer } from 'node:http';
import { readFileSync } from 'node:fs';
import Provider from 'oidc-provider';

const keys = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const resource = 'http://127.0.0.1:8080';
const memberScopes = ['openid', 'offline_access', 'patient/*.read'];
const backendScopes = ['system/*.read'];

const client = ([id, jwks]) => ({
  client_id: id,
  token_endpoint_auth_method: 'private_key_jwt',
  token_endpoint_auth_signing_alg: jwks.keys[0].alg,
  jwks,
  ...(id.startsWith('backend')
    ? { redirect_uris: [], response_types: [], grant_types: ['client_credentials'], scope: backendScopes.join(' ') }
    : {
        redirect_uris: ['http://127.0.0.1:9999/callback'],
        response_types: ['code'],
        grant_types: ['authorization_code', 'refresh_token'],
        scope: memberScopes.join(' '),
      }),
});

const server = createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: Object.entries(keys).map(client),
    scopes: [...memberScopes, ...backendScopes],
    enabledJWA: { clientAuthSigningAlgValues: ['RS384', 'ES384'] },
    clientAuthMethods: ['private_key_jwt'],
    pkce: { required: () => true },
    rotateRefreshToken: true,
    issueRefreshToken: async (_ctx, asking, code) =>
      asking.grantTypeAllowed('refresh_token') && code.scopes.has('offline_access'),
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => resource,
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          scope: [...memberScopes, ...backendScopes].join(' '),
          audience: resource,
          accessTokenFormat: 'opaque',
          accessTokenTTL: 5,
        }),
      },
    },
    cookies: { keys: ['of-a-test'] },
    findAccount: (_ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  });
  server.on('request', provider.callback());
  console.log(issuer);
});
