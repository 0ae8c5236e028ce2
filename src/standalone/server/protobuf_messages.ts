/**
 * Wire layout of the messages that `kubectl` sends in protobuf form, whatever the server would like better.
 *
 * Each entry is `number name type`; `*` repeats, `?` is a pointer whose zero value means something, `skip` is ignored
 * (clients send an empty status along). Numbers are those of `generated.proto` in `k8s.io/api` v0.36. A field that is
 * not listed is refused and not dropped.
 *
 * @module
 */
export const MESSAGES: Readonly<Record<string, string>> = {
  ObjectMeta: "1 name string, 2 generateName string, 3 namespace string, 4 selfLink string, 5 uid string, " +
    "6 resourceVersion string, 7 generation int, 8 creationTimestamp Time, 9 deletionTimestamp Time, " +
    "10 deletionGracePeriodSeconds int?, 11 labels map<string>, 12 annotations map<string>, " +
    "13 ownerReferences OwnerReference*, 14 finalizers string*, 17 managedFields ManagedFieldsEntry*",
  OwnerReference: "5 apiVersion string, 1 kind string, 3 name string, 4 uid string, 6 controller bool?, " +
    "7 blockOwnerDeletion bool?",
  ManagedFieldsEntry: "1 manager string, 2 operation string, 3 apiVersion string, 4 time Time, 6 fieldsType string, " +
    "8 subresource string",
  LabelSelector: "1 matchLabels map<string>, 2 matchExpressions LabelSelectorRequirement*",
  LabelSelectorRequirement: "1 key string, 2 operator string, 3 values string*",
  Preconditions: "1 uid string?, 2 resourceVersion string?",
  DeleteOptions: "1 gracePeriodSeconds int?, 2 preconditions Preconditions, 3 orphanDependents bool?, " +
    "4 propagationPolicy string?, 5 dryRun string*, 6 ignoreStoreReadErrorWithClusterBreakingPotential bool?",
  Namespace: "1 metadata ObjectMeta, 2 spec NamespaceSpec, 3 status NamespaceStatus",
  NamespaceSpec: "1 finalizers string*",
  NamespaceStatus: "1 phase string",
  Secret: "1 metadata ObjectMeta, 5 immutable bool?, 2 data map<bytes>, 4 stringData map<string>, 3 type string",
  ConfigMap: "1 metadata ObjectMeta, 4 immutable bool?, 2 data map<string>, 3 binaryData map<bytes>",
  ServiceAccount: "1 metadata ObjectMeta, 2 secrets ObjectReference*, 3 imagePullSecrets LocalObjectReference*, " +
    "4 automountServiceAccountToken bool?",
  ObjectReference: "1 kind string, 2 namespace string, 3 name string, 4 uid string, 5 apiVersion string, " +
    "6 resourceVersion string, 7 fieldPath string",
  LocalObjectReference: "1 name string",
  Service: "1 metadata ObjectMeta, 2 spec ServiceSpec, 3 status skip",
  ServiceSpec:
    "1 ports ServicePort*, 2 selector map<string>, 3 clusterIP string, 18 clusterIPs string*, 4 type string, " +
    "5 externalIPs string*, 7 sessionAffinity string, 8 loadBalancerIP string, " +
    "9 loadBalancerSourceRanges string*, 10 externalName string, 11 externalTrafficPolicy string, " +
    "12 healthCheckNodePort int, 13 publishNotReadyAddresses bool, 19 ipFamilies string*, " +
    "17 ipFamilyPolicy string?, 20 allocateLoadBalancerNodePorts bool?, 21 loadBalancerClass string?, " +
    "22 internalTrafficPolicy string?, 23 trafficDistribution string?",
  ServicePort: "1 name string, 2 protocol string, 6 appProtocol string?, 3 port int, 4 targetPort IntOrString, " +
    "5 nodePort int",
  Deployment: "1 metadata ObjectMeta, 2 spec DeploymentSpec, 3 status skip",
  DeploymentSpec:
    "1 replicas int?, 2 selector LabelSelector, 3 template PodTemplateSpec, 4 strategy DeploymentStrategy, " +
    "5 minReadySeconds int, 6 revisionHistoryLimit int?, 7 paused bool, 9 progressDeadlineSeconds int?",
  DeploymentStrategy: "1 type string, 2 rollingUpdate RollingUpdateDeployment",
  RollingUpdateDeployment: "1 maxUnavailable IntOrString, 2 maxSurge IntOrString",
  PodTemplateSpec: "1 metadata ObjectMeta, 2 spec PodSpec",
  PodSpec: "20 initContainers Container*, 2 containers Container*, 3 restartPolicy string, " +
    "4 terminationGracePeriodSeconds int?, 5 activeDeadlineSeconds int?, 6 dnsPolicy string, " +
    "7 nodeSelector map<string>, 8 serviceAccountName string, 9 serviceAccount string, " +
    "21 automountServiceAccountToken bool?, 10 nodeName string, 11 hostNetwork bool, 12 hostPID bool, " +
    "13 hostIPC bool, 27 shareProcessNamespace bool?, 15 imagePullSecrets LocalObjectReference*, " +
    "16 hostname string, 17 subdomain string, 19 schedulerName string, 24 priorityClassName string, " +
    "25 priority int?, 29 runtimeClassName string?, 30 enableServiceLinks bool?, 31 preemptionPolicy string?, " +
    "32 overhead map<Quantity>, 35 setHostnameAsFQDN bool?, 37 hostUsers bool?, " +
    "40 resources ResourceRequirements, 41 hostnameOverride string?",
  Container: "1 name string, 2 image string, 3 command string*, 4 args string*, 5 workingDir string, " +
    "6 ports ContainerPort*, 7 env EnvVar*, 8 resources ResourceRequirements, 24 restartPolicy string?, " +
    "13 terminationMessagePath string, 20 terminationMessagePolicy string, 14 imagePullPolicy string, " +
    "16 stdin bool, 17 stdinOnce bool, 18 tty bool",
  ContainerPort: "1 name string, 2 hostPort int, 3 containerPort int, 4 protocol string, 5 hostIP string",
  EnvVar: "1 name string, 2 value string",
  ResourceRequirements: "1 limits map<Quantity>, 2 requests map<Quantity>",
  Pod: "1 metadata ObjectMeta, 2 spec PodSpec, 3 status skip",
  Lease: "1 metadata ObjectMeta, 2 spec LeaseSpec",
  LeaseSpec: "1 holderIdentity string?, 2 leaseDurationSeconds int?, 3 acquireTime MicroTime, 4 renewTime MicroTime, " +
    "5 leaseTransitions int?, 6 strategy string?, 7 preferredHolder string?",
  Event: "1 metadata ObjectMeta, 2 involvedObject ObjectReference, 3 reason string, 4 message string, " +
    "5 source EventSource, 6 firstTimestamp Time, 7 lastTimestamp Time, 8 count int, 9 type string, " +
    "10 eventTime MicroTime, 11 series EventSeries, 12 action string, 13 related ObjectReference, " +
    "14 reportingComponent string, 15 reportingInstance string",
  EventSource: "1 component string, 2 host string",
  EventSeries: "1 count int, 2 lastObservedTime MicroTime",
  Role: "1 metadata ObjectMeta, 2 rules PolicyRule*",
  ClusterRole: "1 metadata ObjectMeta, 2 rules PolicyRule*",
  PolicyRule: "1 verbs string*, 2 apiGroups string*, 3 resources string*, 4 resourceNames string*, " +
    "5 nonResourceURLs string*",
  RoleBinding: "1 metadata ObjectMeta, 2 subjects Subject*, 3 roleRef RoleRef",
  ClusterRoleBinding: "1 metadata ObjectMeta, 2 subjects Subject*, 3 roleRef RoleRef",
  RoleRef: "1 apiGroup string, 2 kind string, 3 name string",
  Subject: "1 kind string, 2 apiGroup string, 3 name string, 4 namespace string",
  SelfSubjectAccessReview: "1 metadata ObjectMeta, 2 spec SelfSubjectAccessReviewSpec, 3 status skip",
  SelfSubjectAccessReviewSpec: "1 resourceAttributes ResourceAttributes, 2 nonResourceAttributes NonResourceAttributes",
  ResourceAttributes: "1 namespace string, 2 verb string, 3 group string, 4 version string, 5 resource string, " +
    "6 subresource string, 7 name string",
  NonResourceAttributes: "1 path string, 2 verb string",
  SelfSubjectRulesReview: "1 metadata ObjectMeta, 2 spec SelfSubjectRulesReviewSpec, 3 status skip",
  SelfSubjectRulesReviewSpec: "1 namespace string",
  SubjectAccessReview: "1 metadata ObjectMeta, 2 spec SubjectAccessReviewSpec, 3 status skip",
  SubjectAccessReviewSpec:
    "1 resourceAttributes ResourceAttributes, 2 nonResourceAttributes NonResourceAttributes, 3 user string, " +
    "4 groups string*, 6 uid string",
  SelfSubjectReview: "1 metadata ObjectMeta, 2 status skip",
  TokenReview: "1 metadata ObjectMeta, 2 spec TokenReviewSpec, 3 status skip",
  TokenReviewSpec: "1 token string, 2 audiences string*",
};
