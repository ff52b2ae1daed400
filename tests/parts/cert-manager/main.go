// The cert-manager controller, as far as certrotor's tests need one: every certificate controller and the CA and
// self-signed issuers, without ACME, Vault and CyberArk. Upstream's own command links those and all their providers;
// this is the same library with the same defaults, started the same way.
package main

import (
	"context"
	"flag"
	"log"
	"os/signal"
	"syscall"
	"time"

	"github.com/cert-manager/cert-manager/pkg/controller"
	logf "github.com/cert-manager/cert-manager/pkg/logs"
	"golang.org/x/sync/errgroup"

	// Each registers itself in controller.Known().
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/approver"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/ca"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/selfsigned"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/issuing"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/keymanager"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/readiness"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/requestmanager"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/revisionmanager"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/trigger"
	_ "github.com/cert-manager/cert-manager/pkg/controller/clusterissuers"
	_ "github.com/cert-manager/cert-manager/pkg/controller/issuers"

	// Each registers itself as a kind of issuer.
	_ "github.com/cert-manager/cert-manager/pkg/issuer/ca"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/selfsigned"
)

// As many workers as upstream gives each controller by default.
const workers = 5

func main() {
	var options controller.ContextOptions
	flag.StringVar(&options.Kubeconfig, "kubeconfig", "", "`file` that says where the cluster is and who we are")
	flag.StringVar(&options.ClusterResourceNamespace, "cluster-resource-namespace", "kube-system",
		"`namespace` in which ClusterIssuers find their Secrets")
	flag.BoolVar(&options.EnableOwnerRef, "enable-certificate-owner-ref", false,
		"a Certificate owns the Secret it is stored in")
	flag.DurationVar(&options.CertificateRequestMinimumBackoffDuration, "certificate-request-minimum-backoff-duration",
		time.Hour, "pause after a failed issuance; doubles with each further failure")
	flag.Parse()
	options.CertificateRequestMaximumBackoffDuration = 32 * options.CertificateRequestMinimumBackoffDuration
	options.KubernetesAPIQPS, options.KubernetesAPIBurst = 20, 50
	options.CopiedAnnotationPrefixes = []string{"*", "-kubectl.kubernetes.io/", "-fluxcd.io/", "-argocd.argoproj.io/"}

	logf.InitLogs()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx, options); err != nil && ctx.Err() == nil {
		log.Fatal(err)
	}
}

// run returns when ctx is done, or when one of the controllers could not go on.
func run(ctx context.Context, options controller.ContextOptions) error {
	group, ctx := errgroup.WithContext(ctx)
	factory, err := controller.NewContextFactory(ctx, options)
	if err != nil {
		return err
	}

	// A controller asks for its informers when it is made, so all are made before the informers start.
	var controllers []controller.Interface
	for _, construct := range controller.Known() {
		made, err := construct(factory)
		if err != nil {
			return err
		}
		controllers = append(controllers, made)
	}
	shared, err := factory.Build()
	if err != nil {
		return err
	}
	shared.KubeSharedInformerFactory.Start(ctx.Done())
	shared.SharedInformerFactory.Start(ctx.Done())

	for _, each := range controllers {
		group.Go(func() error { return each.Run(workers, ctx) })
	}
	return group.Wait()
}
