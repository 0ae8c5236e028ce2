/** Opens gRPC channels to providers. @module */
import { type ClientTls as ChannelTls, connectProvider, type PolicySettings } from "@virtrigaud/contract/client/mod.ts";
import type { Clock } from "@virtrigaud/resilience";
import type { ClientMetric, Logger, Metrics } from "@virtrigaud/telemetry";
import type { ClientTls, ProviderDialer } from "./certificates.ts";

/** What all channels share; a Provider's own rate limit wins over the one in `policy`. */
export interface DialerOptions {
  readonly policy?: PolicySettings;
  readonly clock: Clock;
  readonly log?: Logger;
  readonly metrics?: Metrics<ClientMetric>;
}

/** A dialer over the network. */
export function grpcDialer({ policy = {}, clock, log, metrics }: DialerOptions): ProviderDialer {
  return {
    dial(key, settings, tls, providerType) {
      const connection = connectProvider({
        ...policy,
        ...(settings.rateLimit === undefined ? {} : { rateLimit: settings.rateLimit }),
        address: settings.address,
        serverName: settings.serverName,
        tls: channelTls(tls),
        provider: key,
        providerType,
        clock,
        ...(log === undefined ? {} : { log }),
        ...(metrics === undefined ? {} : { metrics }),
      });
      return { client: connection.provider, close: () => connection.close() };
    },
  };
}

function channelTls(tls: ClientTls): ChannelTls {
  switch (tls.type) {
    case "Plaintext":
      return { plaintext: true };
    case "Mutual": {
      const { certPem, keyPem, caPem } = tls.identity;
      return { caPem, client: { certPem, keyPem }, insecureSkipVerify: tls.skipVerify };
    }
  }
}
