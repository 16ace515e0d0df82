// A certified OAuth server that nobody here wrote (oidc-provider, npm), on this machine alone.
// Stricter than any plan: PKCE is required, refresh tokens rotate, and a spent one that comes back
// ends the whole grant. Usage: node oidc-provider.mjs PORT
import Provider from 'oidc-provider';

const port = Number(process.argv[2]);
const issuer = `http://127.0.0.1:${port}`;
const redirect = 'http://127.0.0.1:9999/callback';
const resource = 'http://127.0.0.1:8080';
const memberScopes = ['openid', 'offline_access', 'launch/patient', 'patient/*.read'];
const backendScopes = ['system/*.read'];
const minute = 60;

const member = {
  redirect_uris: [redirect],
  response_types: ['code'],
  grant_types: ['authorization_code', 'refresh_token'],
  scope: memberScopes.join(' '),
};

const provider = new Provider(issuer, {
  clients: [
    {
      ...member,
      client_id: 'sync-confidential',
      client_secret: 's3cr3t-for-loopback-tests-only',
      token_endpoint_auth_method: 'client_secret_basic',
    },
    {
      ...member,
      client_id: 'sync-public',
      application_type: 'native',
      token_endpoint_auth_method: 'none',
    },
    {
      client_id: 'sync-backend',
      client_secret: 'another-loopback-secret',
      redirect_uris: [],
      response_types: [],
      grant_types: ['client_credentials'],
      scope: backendScopes.join(' '),
      token_endpoint_auth_method: 'client_secret_post',
    },
  ],
  scopes: [...memberScopes, ...backendScopes],
  pkce: { required: () => true },
  rotateRefreshToken: true,
  issueRefreshToken: async (_ctx, client, code) =>
    client.grantTypeAllowed('refresh_token') && code.scopes.has('offline_access'),
  ttl: {
    AccessToken: 5,
    AuthorizationCode: minute,
    ClientCredentials: minute,
    Grant: 60 * minute,
    IdToken: 60 * minute,
    Interaction: 10 * minute,
    RefreshToken: 60 * minute,
    Session: 60 * minute,
  },
  features: {
    clientCredentials: { enabled: true },
    // Its own pages for login and consent; any login is somebody.
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

provider.listen(port, '127.0.0.1', () => console.log(`oidc-provider listens at ${issuer}`));
