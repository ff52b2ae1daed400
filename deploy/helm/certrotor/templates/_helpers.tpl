{{- define "certrotor.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* The release's name alone if it says what this is. */}}
{{- define "certrotor.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- else if contains (include "certrotor.name" .) .Release.Name }}
{{- .Release.Name | trunc 52 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "certrotor.name" .) | trunc 52 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* What never changes over the life of a release. */}}
{{- define "certrotor.selectorLabels" -}}
app.kubernetes.io/name: {{ include "certrotor.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "certrotor.labels" -}}
{{- $labels := dict
    "app.kubernetes.io/name" (include "certrotor.name" .)
    "app.kubernetes.io/instance" .Release.Name
    "app.kubernetes.io/version" .Chart.AppVersion
    "app.kubernetes.io/managed-by" .Release.Service
    "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version) }}
{{- toYaml (merge $labels .Values.global.commonLabels) }}
{{- end }}

{{- define "certrotor.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "certrotor.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- required "serviceAccount.name is missing: serviceAccount.create is false, so name the account that is there" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{/* The executor is an application of its own, so that nothing that selects the daemon's pods selects its. */}}
{{- define "certrotor.executorName" -}}
{{- include "certrotor.fullname" . }}-executor
{{- end }}

{{- define "certrotor.executorSelector" -}}
app.kubernetes.io/name: {{ include "certrotor.name" . | trunc 54 | trimSuffix "-" }}-executor
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "certrotor.executorLabels" -}}
{{- toYaml (mergeOverwrite (include "certrotor.labels" . | fromYaml) (include "certrotor.executorSelector" . | fromYaml)) }}
{{- end }}

{{- define "certrotor.executorAccount" -}}
{{- if .Values.executor.serviceAccount.create }}
{{- default (include "certrotor.executorName" .) .Values.executor.serviceAccount.name }}
{{- else }}
{{- required "executor.serviceAccount.name is missing: executor.serviceAccount.create is false, so name the account that is there" .Values.executor.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "certrotor.image" -}}
{{- $name := .Values.image.repository }}
{{- if .Values.image.registry }}
{{- $name = printf "%s/%s" (trimSuffix "/" .Values.image.registry) $name }}
{{- end }}
{{- if .Values.image.digest }}
{{- printf "%s@%s" $name .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" $name (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{/* The id of the installation names its Lease and its slots. */}}
{{- define "certrotor.installation" -}}
{{- dig "installation" "certrotor" .Values.config }}
{{- end }}

{{/* The namespaces that the daemon watches one by one; nothing if it watches all. */}}
{{- define "certrotor.namespaces" -}}
{{- $names := dig "watch" "namespaces" list (.Values.config | default dict) | default list }}
{{- if not (contains "*" (join "," $names)) }}
{{- join "," $names }}
{{- end }}
{{- end }}

{{- define "certrotor.monitorEndpoint" -}}
{{- toYaml (mergeOverwrite (dict
    "port" "http-metrics"
    "path" "/metrics"
    "interval" .interval
    "scrapeTimeout" .scrapeTimeout
    "honorLabels" .honorLabels) .endpointAdditionalProperties) }}
{{- end }}

{{/* What is scraped: the daemon, and the executor where there is one. */}}
{{- define "certrotor.monitored" -}}
{{- if .Values.executor.enabled }}
matchLabels:
  app.kubernetes.io/instance: {{ .Release.Name }}
matchExpressions:
  - key: app.kubernetes.io/name
    operator: In
    values:
      - {{ include "certrotor.name" . }}
      - {{ get (include "certrotor.executorSelector" . | fromYaml) "app.kubernetes.io/name" }}
{{- else }}
matchLabels:
  {{- include "certrotor.selectorLabels" . | nindent 2 }}
{{- end }}
{{- end }}
