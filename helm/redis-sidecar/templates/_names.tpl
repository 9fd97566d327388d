{{/*
Names, labels, and which chart's context is meant. Every public template takes `.` of a chart that has this one as a
dependency, or `.Subcharts.ALIAS` where the dependency has an alias, or this chart's own `.`.
*/}}

{{- define "redis-sidecar.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- $name := .Values.nameOverride | default .Chart.Name -}}
{{- $whole := contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) -}}
{{- $whole | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What the Deployment and the Service of modes app and service select by. */}}
{{- define "redis-sidecar.selectorLabels" -}}
app.kubernetes.io/name: {{ .Values.nameOverride | default .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "redis-sidecar.labels" -}}
{{ include "redis-sidecar.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name (.Chart.Version | replace "+" "_") }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The image, by digest where one is given. */}}
{{- define "redis-sidecar.image" -}}
{{- $image := .Values.image -}}
{{- if $image.digest -}}
{{ $image.repository }}@{{ $image.digest }}
{{- else -}}
{{ $image.repository }}:{{ $image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{/* A duration of the configuration in whole seconds, rounded up: {text, path}. */}}
{{- define "redis-sidecar.seconds" -}}
{{- $text := toString .text -}}
{{- if not (regexMatch "^(0|[0-9]+(us|ms|s|m|h|d))$" $text) -}}
{{- fail (printf "config.%s: %q is no time; give one such as 500ms, 10s or 5m" .path $text) -}}
{{- end -}}
{{- $number := regexFind "^[0-9]+" $text | int64 -}}
{{- $unit := regexFind "[a-z]+$" $text -}}
{{- if eq $unit "us" -}}{{ div (add $number 999999) 1000000 }}
{{- else if eq $unit "ms" -}}{{ div (add $number 999) 1000 }}
{{- else -}}{{ mul $number (get (dict "s" 1 "m" 60 "h" 3600 "d" 86400) $unit | default 1) }}
{{- end -}}
{{- end -}}
