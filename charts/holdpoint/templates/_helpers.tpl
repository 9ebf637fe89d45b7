{{/* Names. Roles, service accounts and admission policies have fixed names: the processes and the policies know them. */}}
{{- define "holdpoint.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 45 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 45 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 45 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "holdpoint.keysSecret" -}}
{{- include "holdpoint.fullname" . }}-keys
{{- end -}}

{{- define "holdpoint.ownTlsSecret" -}}
{{- include "holdpoint.fullname" . }}-webhook-tls
{{- end -}}

{{- define "holdpoint.tlsSecret" -}}
{{- if eq .Values.certificates.mode "provided" -}}
{{- .Values.certificates.provided.secretName -}}
{{- else if eq .Values.certificates.mode "certManager" -}}
{{- /* Not the operator's own: cert-manager and it would not understand each other's. */ -}}
{{- include "holdpoint.fullname" . }}-webhook-cert
{{- else -}}
{{- include "holdpoint.ownTlsSecret" . -}}
{{- end -}}
{{- end -}}

{{/* What selects pods: (list $ "webhook"). Never changes, as a Deployment's selector cannot. */}}
{{- define "holdpoint.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ default $root.Chart.Name $root.Values.nameOverride }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{- define "holdpoint.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: holdpoint
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The same for an object of one component: (list $ "webhook"). */}}
{{- define "holdpoint.componentLabels" -}}
{{ include "holdpoint.labels" (index . 0) }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{- define "holdpoint.image" -}}
{{- $image := .Values.image -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $image.repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $image.repository (default .Chart.AppVersion $image.tag) -}}
{{- end -}}
{{- end -}}

{{/*
A file of files/manifests, which holds copies of charts/manifests: what the tests of Holdpoint run with is what the
chart installs. Only the namespace and the name of the TLS Secret are those of the release.
*/}}
{{- define "holdpoint.manifests" -}}
{{- $root := index . 0 -}}
{{- $root.Files.Get (printf "files/manifests/%s" (index . 1))
  | replace "holdpoint-system-writer" "holdpoint-@-writer"
  | replace "holdpoint-system" $root.Release.Namespace
  | replace "holdpoint-@-writer" "holdpoint-system-writer"
  | replace "holdpoint-webhook-tls" (include "holdpoint.ownTlsSecret" $root) -}}
{{- end -}}

{{/* An object of such a file with the labels of the release: (list $ $object). */}}
{{- define "holdpoint.object" -}}
{{- $object := index . 1 -}}
{{- $labels := include "holdpoint.labels" (index . 0) | fromYaml -}}
{{- $_ := set $object.metadata "labels" (merge $labels (default dict $object.metadata.labels)) -}}
---
{{ toYaml $object }}
{{ end -}}
