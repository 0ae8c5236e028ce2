/** Door for the circuit breaker. */
// @ts-types="@types/opossum"
import CircuitBreaker from "opossum";

export { CircuitBreaker };
