{{- /*
What the manager may do, derived from what it calls: informers list and watch, finalizers are patches, status is a
PUT, and what it owns it applies (create and patch). tests/charts/least_privilege_rig_test.ts takes each rule away in turn and
compares every single right with the audit log.
*/ -}}
{{- define "virtrigaud.kindRules" -}}
- apiGroups: [infra.virtrigaud.io]
  resources: [virtualmachines, providers, vmclasses, vmimages, vmnetworkattachments]
  verbs: [list, watch, patch]
- apiGroups: [infra.virtrigaud.io]
  resources: [virtualmachines/status, providers/status, vmclasses/status, vmimages/status, vmnetworkattachments/status]
  verbs: [update]
# Asked for by OwnerReferencesPermissionEnforcement, as on OpenShift: what is made for a Provider goes with it.
- apiGroups: [infra.virtrigaud.io]
  resources: [providers/finalizers]
  verbs: [update]
- apiGroups: [""]
  resources: [services, serviceaccounts]
  verbs: [list, watch, create, patch]
- apiGroups: [apps]
  resources: [deployments]
  verbs: [list, watch, create, patch]
- apiGroups: [""]
  resources: [events]
  verbs: [create, patch]
{{- end -}}

{{- /* Credentials, user data and issued certificates. Read by name and watched by name; RBAC knows no such limit. */ -}}
{{- define "virtrigaud.secretRules" -}}
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, list, watch, create, patch]
{{- end -}}

{{- /* In the manager's own namespace: the Lease, and the certificate authority where no other rule has it. */ -}}
{{- define "virtrigaud.ownRules" -}}
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [create]
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [{{ include "virtrigaud.lease" . }}]
  verbs: [get, update]
{{- end -}}

{{- define "virtrigaud.authorityRules" -}}
- apiGroups: [""]
  resources: [secrets]
  verbs: [create]
- apiGroups: [""]
  resources: [secrets]
  resourceNames: [virtrigaud-ca]
  verbs: [get, patch]
{{- if eq .Values.certificates.source "certManager" }}
- apiGroups: [""]
  resources: [secrets]
  resourceNames: [{{ include "virtrigaud.givenAuthority" . }}]
  verbs: [get]
{{- end }}
{{- end -}}

{{- define "virtrigaud.subject" -}}
- kind: ServiceAccount
  name: {{ include "virtrigaud.serviceAccount" . }}
  namespace: {{ .Release.Namespace }}
{{- end -}}
