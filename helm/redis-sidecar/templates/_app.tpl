{{/* Mode app: the container of the user's image. */}}
{{- define "redis-sidecar.app" -}}
{{- $app := .Values.app -}}
- name: app
  image: {{ $app.image }}
  imagePullPolicy: {{ $app.imagePullPolicy }}
  {{- if or $app.redisUrlVariable $app.env }}
  env:
    {{- with $app.redisUrlVariable }}
    - name: {{ . }}
      value: {{ include "redis-sidecar.redisUrl" $ }}
    {{- end }}
    {{- with $app.env }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- end }}
  {{- range $name := list "command" "args" "envFrom" "ports" "resources" "securityContext" "startupProbe" "readinessProbe" "livenessProbe" "lifecycle" "volumeMounts" }}
  {{- with get $app $name }}
  {{ $name }}:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- end }}
{{- end -}}
