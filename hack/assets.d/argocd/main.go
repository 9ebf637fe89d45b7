// Argo CD as far as the tests run it, in one program. Argo CD's own has all its parts, its command
// line and its web pages, and takes twice as long to build.
//
// ARGOCD_BINARY_NAME, which Argo CD uses too, or the program's name tells what it is:
//
//	argocd-application-controller, argocd-repo-server, argocd-git-ask-pass
//	              as Argo CD's
//	argocd-redis ADDRESS
//	              the in-memory Redis that `argocd --core` runs
//	argocd-health NAMESPACE
//	              for each JSON object of stdin the health that the controller would show, as a line of JSON, by the
//	              argocd-cm of this namespace in the cluster of KUBECONFIG
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/alicebob/miniredis/v2"
	controller "github.com/argoproj/argo-cd/v3/cmd/argocd-application-controller/commands"
	askpass "github.com/argoproj/argo-cd/v3/cmd/argocd-git-ask-pass/commands"
	reposerver "github.com/argoproj/argo-cd/v3/cmd/argocd-repo-server/commands"
	"github.com/argoproj/argo-cd/v3/util/lua"
	"github.com/argoproj/argo-cd/v3/util/settings"
	"github.com/argoproj/gitops-engine/pkg/health"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

func redis(address string) error {
	server := miniredis.NewMiniRedis()
	if err := server.StartAddr(address); err != nil {
		return err
	}
	defer server.Close()
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, os.Interrupt, syscall.SIGTERM)
	<-ended
	return nil
}

func tellHealth(namespace string) error {
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	overrides, err := settings.NewSettingsManager(context.Background(), client, namespace).GetResourceOverrides()
	if err != nil {
		return err
	}
	in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	for {
		object := &unstructured.Unstructured{}
		if err := in.Decode(&object.Object); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		found, err := health.GetResourceHealth(object, lua.ResourceHealthOverrides(overrides))
		if err != nil {
			return fmt.Errorf("%s %s: %w", object.GetKind(), object.GetName(), err)
		}
		if err := out.Encode(found); err != nil {
			return err
		}
	}
}

func run(name string, arguments []string) error {
	switch {
	case name == "argocd-application-controller":
		return controller.NewCommand().Execute()
	case name == "argocd-repo-server":
		return reposerver.NewCommand().Execute()
	case name == "argocd-git-ask-pass":
		return askpass.NewCommand().Execute()
	case name == "argocd-redis" && len(arguments) == 1:
		return redis(arguments[0])
	case name == "argocd-health" && len(arguments) == 1:
		return tellHealth(arguments[0])
	}
	return fmt.Errorf("%s is no part of Argo CD that is here; main.go tells what is", name)
}

func main() {
	name := os.Getenv("ARGOCD_BINARY_NAME")
	if name == "" {
		name = filepath.Base(os.Args[0])
	}
	if err := run(name, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
