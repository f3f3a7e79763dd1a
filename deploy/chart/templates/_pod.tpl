{{- define "conformance.pod" -}}
metadata:
  labels: {app.kubernetes.io/name: soma-conformance, app.kubernetes.io/instance: {{ .Release.Name }}}
spec:
  restartPolicy: Never
  serviceAccountName: soma-conformance
  enableServiceLinks: false
  # Longer than the program takes to write its reports after a SIGTERM.
  terminationGracePeriodSeconds: 30
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets: {{ toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 65532
    runAsGroup: 65532
    fsGroup: 65532
    seccompProfile: {type: RuntimeDefault}
  containers:
  - name: soma-conformance
    image: {{ .Values.image }}
    imagePullPolicy: {{ .Values.imagePullPolicy }}
    args:
    - run
    - --format=journal
    - --config=/etc/soma-conformance/soma-conformance.yaml
    - --report-dir=/reports/run
    {{- if .Values.nightly.enabled }}
    - --history=/reports/history
    - --keep={{ .Values.nightly.keep }}
    {{- end }}
    {{- range .Values.arguments }}
    - {{ . | quote }}
    {{- end }}
    env:
    - {name: SOMA_CONFORMANCE_IMAGE, value: {{ .Values.image | quote }}}
    {{- if gt (int .Values.shards) 1 }}
    - {name: SOMA_CONFORMANCE_SHARD, value: auto/{{ .Values.shards }}}
    - {name: SOMA_CONFORMANCE_RUN_GROUP, valueFrom: {fieldRef: {fieldPath: "metadata.labels['batch.kubernetes.io/controller-uid']"}}}
    {{- end }}
    {{- range $name, $secret := .Values.credentials }}
    - {name: {{ $name }}, valueFrom: {secretKeyRef: {name: {{ $secret.name }}, key: {{ $secret.key }}}}}
    {{- end }}
    resources: {{ toYaml .Values.resources | nindent 6 }}
    securityContext:
      allowPrivilegeEscalation: false
      readOnlyRootFilesystem: true
      capabilities: {drop: [ALL]}
    volumeMounts:
    - {name: configuration, mountPath: /etc/soma-conformance, readOnly: true}
    - {name: reports, mountPath: /reports}
    - {name: tmp, mountPath: /tmp}
  volumes:
  - name: configuration
    configMap: {name: {{ .Release.Name }}-configuration}
  - name: reports
    {{- if .Values.nightly.enabled }}
    persistentVolumeClaim: {claimName: {{ .Release.Name }}-history}
    {{- else }}
    emptyDir: {}
    {{- end }}
  - name: tmp
    emptyDir: {medium: Memory, sizeLimit: 64Mi}
{{- end -}}
