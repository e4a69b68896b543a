package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"

	authorizationv1 "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/kubernetes/pkg/apis/authorization"
	authorizationconversion "k8s.io/kubernetes/pkg/apis/authorization/v1"
	"k8s.io/kubernetes/pkg/apis/authorization/validation"
	authorizationutil "k8s.io/kubernetes/pkg/registry/authorization/util"
	kjson "sigs.k8s.io/json"
)

// runOracle answers SubjectAccessReviews by the API server's own authorizer over saved objects. It
// is some sixty times as fast as asking a server, and needs none.
func runOracle(args []string) error {
	flags := flag.NewFlagSet("oracle", flag.ContinueOnError)
	var paths list
	flags.Var(&paths, "objects", "file or folder of RBAC objects in JSON; may be repeated")
	workers := flags.Int("workers", runtime.GOMAXPROCS(0), "reviews answered at once")
	if err := parse(flags, args); err != nil {
		return err
	}
	if len(paths) == 0 {
		return usageError{fmt.Errorf("oracle needs --objects")}
	}
	w := newWorld()
	for _, path := range paths {
		if err := readObjectFiles(path, w.add); err != nil {
			return err
		}
	}
	// All that is allocated from here on is short-lived.
	debug.SetGCPercent(800)
	authorizer := w.authorizer()
	return answerLines(os.Stdin, os.Stdout, *workers, 64<<10, func(line, to []byte) []byte {
		return review(authorizer, line, to)
	})
}

// review appends the answer to one review: the review with its status, or the Status with which the
// API server refuses it.
func review(answers authorizer.Authorizer, line, to []byte) []byte {
	var external authorizationv1.SubjectAccessReview
	if err := kjson.UnmarshalCaseSensitivePreserveInts(line, &external); err != nil {
		return refusal(to, apierrors.NewBadRequest(err.Error()))
	}
	var internal authorization.SubjectAccessReview
	if err := authorizationconversion.Convert_v1_SubjectAccessReview_To_authorization_SubjectAccessReview(&external, &internal, nil); err != nil {
		return refusal(to, apierrors.NewBadRequest(err.Error()))
	}
	if problems := validation.ValidateSubjectAccessReview(&internal); len(problems) > 0 {
		return refusal(to, apierrors.NewInvalid(authorization.Kind(internal.Kind), "", problems))
	}
	attributes := authorizationutil.AuthorizationAttributesFrom(internal.Spec)
	decision, reason, err := answers.Authorize(context.Background(), attributes)
	status := authorizationv1.SubjectAccessReviewStatus{
		Allowed:         decision == authorizer.DecisionAllow,
		Denied:          decision == authorizer.DecisionDeny,
		Reason:          reason,
		EvaluationError: authorizationutil.BuildEvaluationError(err, attributes),
	}
	spec, err := json.Marshal(&external.Spec)
	if err != nil {
		return refusal(to, apierrors.NewInternalError(err))
	}
	to = append(to, `{"kind":"SubjectAccessReview","apiVersion":"authorization.k8s.io/v1","metadata":{},"spec":`...)
	to = append(to, spec...)
	to = append(to, `,"status":`...)
	answered, err := json.Marshal(&status)
	if err != nil {
		return refusal(to, apierrors.NewInternalError(err))
	}
	to = append(to, answered...)
	return append(to, "}\n"...)
}

func refusal(to []byte, problem *apierrors.StatusError) []byte {
	status := problem.Status()
	status.Kind, status.APIVersion = "Status", "v1"
	if status.Code == 0 {
		status.Code = http.StatusBadRequest
	}
	text, err := json.Marshal(&status)
	if err != nil {
		return append(to, `{"kind":"Status","apiVersion":"v1","status":"Failure"}`+"\n"...)
	}
	return append(append(to, text...), '\n')
}
