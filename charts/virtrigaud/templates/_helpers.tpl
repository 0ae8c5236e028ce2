{{- define "virtrigaud.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "virtrigaud.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "virtrigaud.name" . -}}
{{- ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "virtrigaud.manager" -}}
{{- include "virtrigaud.fullname" . }}-manager
{{- end -}}

{{- define "virtrigaud.selector" -}}
app.kubernetes.io/name: {{ include "virtrigaud.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: manager
{{- end -}}

{{- /* managed-by is Helm's here: "virtrigaud" there marks what the manager owns. */ -}}
{{- define "virtrigaud.labels" -}}
{{ include "virtrigaud.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: virtrigaud
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "virtrigaud.serviceAccount" -}}
{{- if .Values.manager.serviceAccount.create -}}
{{- default (include "virtrigaud.manager" .) .Values.manager.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.manager.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "virtrigaud.image" -}}
{{- $image := .Values.manager.image -}}
{{- with .Values.global.imageRegistry }}{{ . }}/{{ end -}}
{{- $image.repository -}}
{{- if $image.digest }}@{{ $image.digest }}{{ else }}:{{ default (printf "v%s" .Chart.AppVersion) $image.tag }}{{ end -}}
{{- end -}}

{{- /* The one namespace that the manager is confined to; empty for all. */ -}}
{{- define "virtrigaud.watchNamespace" -}}
{{- if eq .Values.rbac.scope "namespace" -}}
{{- default .Release.Namespace .Values.rbac.watchNamespace -}}
{{- end -}}
{{- end -}}

{{- /* Secret with the authority that cert-manager issues. */ -}}
{{- define "virtrigaud.givenAuthority" -}}
{{- include "virtrigaud.fullname" . }}-issued-ca
{{- end -}}

{{- /* As the manager names it: each selector has a Lease of its own. */ -}}
{{- define "virtrigaud.lease" -}}
{{- with .Values.rbac.watchSelector }}{{ sha256sum . | trunc 8 }}.{{ end }}8da97394.virtrigaud.io
{{- end -}}

{{- define "virtrigaud.podSecurityContext" -}}
{{- $restricted := dict "runAsNonRoot" true "runAsUser" 65532 "runAsGroup" 65532 "seccompProfile" (dict "type" "RuntimeDefault") -}}
{{- mergeOverwrite $restricted (deepCopy .Values.manager.podSecurityContext) | toYaml -}}
{{- end -}}

{{- define "virtrigaud.securityContext" -}}
{{- $restricted := dict "readOnlyRootFilesystem" true "allowPrivilegeEscalation" false "capabilities" (dict "drop" (list "ALL")) -}}
{{- mergeOverwrite $restricted (deepCopy .Values.manager.securityContext) | toYaml -}}
{{- end -}}

{{- /* What is set under .Values.config, as variables that the manager reads. */ -}}
{{- define "virtrigaud.configEnv" -}}
{{- $c := .Values.config -}}
{{- $vars := dict
  "LOG_LEVEL" $c.log.level
  "LOG_FORMAT" $c.log.format
  "WORKERS_PER_KIND" $c.workersPerKind
  "MAX_INFLIGHT_TASKS" $c.maxTasksPerProvider
  "RPC_TIMEOUT_DESCRIBE" $c.rpcTimeouts.describe
  "RPC_TIMEOUT_MUTATING" $c.rpcTimeouts.mutating
  "RPC_TIMEOUT_VALIDATE" $c.rpcTimeouts.validate
  "RPC_TIMEOUT_TASK_STATUS" $c.rpcTimeouts.taskStatus
  "RETRY_MAX_ATTEMPTS" $c.retry.maxAttempts
  "RETRY_BASE_DELAY" $c.retry.baseDelay
  "RETRY_MAX_DELAY" $c.retry.maxDelay
  "RETRY_MULTIPLIER" $c.retry.multiplier
  "RETRY_JITTER" $c.retry.jitter
  "CB_FAILURE_THRESHOLD" $c.circuitBreaker.failureThreshold
  "CB_RESET_SECONDS" $c.circuitBreaker.resetSeconds
  "CB_HALF_OPEN_MAX_CALLS" $c.circuitBreaker.halfOpenMaxCalls
  "RATE_LIMIT_QPS" $c.rateLimit.qps
  "RATE_LIMIT_BURST" $c.rateLimit.burst
-}}
{{- range $name := keys $vars | sortAlpha }}
{{- $value := get $vars $name }}
{{- if not (kindIs "invalid" $value) }}
- name: {{ $name }}
  value: {{ $value | toString | quote }}
{{- end }}
{{- end }}
{{- end -}}
