/**
 * A controller runtime: informers that keep stores in step with the API server, queues, controllers, leader election,
 * events, status. Knows no kind.
 *
 * @module
 */
export {
  type ConditionLike,
  getCondition,
  isTrue,
  removeCondition,
  rfc3339Micros,
  rfc3339Seconds,
  setCondition,
} from "./conditions.ts";
export { Controller, type ControllerEnvironment } from "./controller.ts";
export { sameJson } from "./equal.ts";
export { type EventInput, EventRecorder, type EventRecorderOptions } from "./events.ts";
export { addFinalizer, type FinalizerContext, hasFinalizer, isDeleting, removeFinalizer } from "./finalizers.ts";
export { Informer, type InformerEnvironment, type InformerOptions } from "./informer.ts";
export { Informers } from "./informers.ts";
export { LeaderElector, type LeaderElectorOptions, type Leadership } from "./leader.ts";
export { type Presence } from "./holder.ts";
export { isPending } from "./pending.ts";
export { type PeerConnection, type PeerOptions, untilPeerGone } from "./peer.ts";
export { type HealthCheck, Manager, type ManagerOptions, type Runnable } from "./manager.ts";
export {
  type MetricDescription,
  type MetricLabels,
  noMetrics,
  observeRequests,
  RUNTIME_METRICS,
  type RuntimeLog,
  type RuntimeMetric,
  type RuntimeMetrics,
  silentLog,
} from "./observe.ts";
export { type WorkItem, WorkQueue, type WorkQueueOptions } from "./queue.ts";
export {
  type ControllerOptions,
  controllerOwner,
  done,
  type Priority,
  type Reconcile,
  type ReconcileContext,
  requeueAfter,
  type Result,
  watching,
  type WatchSource,
} from "./reconcile.ts";
export { StatusWriter } from "./status.ts";
export type { IndexFunction, InformerEvent, InformerHandler, InformerView, StoreView } from "./view.ts";
