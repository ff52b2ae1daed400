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
