//! The executor's words.

use crate::core::vocabulary::words;

words! {
    /// Every write of the executor, by name: where a crash can fall between.
    ExecutorWrite {
        /// A request that waits becomes `Pending`.
        Queue = "queue",
        /// A request is passed over for a newer one.
        Skip = "skip",
        /// A request that cannot be carried out is refused.
        Refuse = "refuse",
        /// A request becomes `Progressing`.
        Start = "start",
        /// The database is paused.
        PauseDatabase = "pauseDatabase",
        /// The pause, and the certificates as they are now, are noted.
        NotePaused = "notePaused",
        /// The Certificate is made by which a new CA is learned.
        StageAuthority = "stageAuthority",
        /// The CAs that clients are to trust are published.
        PublishBundle = "publishBundle",
        /// That the old CA and the new one are is noted.
        NotePublished = "noteBundlePublished",
        /// The CAs in the Secret of a certificate become both, or at the end the new one alone.
        TrustAuthorities = "trustAuthorities",
        /// That the servers of a group are restarted to trust both is noted.
        NoteTrusting = "noteTrusting",
        /// That servers trust both is noted.
        NoteTrusted = "noteTrusted",
        /// A Certificate is made.
        CreateCertificate = "createCertificate",
        /// A Certificate gets another issuer, or other contents; or those it had before.
        ChangeCertificate = "changeCertificate",
        /// cert-manager is asked for a new certificate.
        IssueCertificate = "issueCertificate",
        /// That all were asked for is noted.
        NoteIssuing = "noteIssuing",
        /// That all are there is noted, and which pods are to be restarted.
        NoteSynced = "noteSynced",
        /// `spec.tls` and `spec.requireSSL` of the database change.
        UpdateDatabase = "updateDatabase",
        /// That they have is noted.
        NoteUpdated = "noteUpdated",
        /// The provisioner is let at the database, to change the template of its pods.
        LetDatabaseGo = "letDatabaseGo",
        /// That the template is as it should be is noted, and which pods are to be restarted.
        NoteTemplate = "noteTemplate",
        /// A server loads its certificates anew.
        ReloadTls = "reloadTls",
        /// That all have is noted, or that they are restarted instead.
        NoteReloaded = "noteReloaded",
        /// That the primary's role is to be handed over is noted, and to which pod.
        NoteSwitching = "noteSwitching",
        /// The server in that pod becomes the primary.
        SwitchPrimary = "switchPrimary",
        /// That it is, or that it will not be, is noted.
        NoteSwitched = "noteSwitched",
        /// The pod that is restarted next is noted.
        NoteEvicting = "noteEvicting",
        /// The pod is evicted.
        EvictPod = "evictPod",
        /// That it is gone is noted.
        NoteEvicted = "noteEvicted",
        /// That its successor is ready is noted.
        NotePodReady = "notePodReady",
        /// That all pods are restarted is noted.
        NoteRestarted = "noteRestarted",
        /// That nobody is to trust the old CA any more is noted.
        NoteTrimmed = "noteTrimmed",
        /// That the database is Ready again is noted.
        NoteDatabaseReady = "noteDatabaseReady",
        /// A Certificate that is needed no more is deleted.
        DeleteCertificate = "deleteCertificate",
        /// Its Secret is.
        DeleteSecret = "deleteSecret",
        /// What clients trusted is, when there is no TLS any more.
        DeleteBundle = "deleteBundle",
        /// A step that failed is tried once more.
        Retry = "retry",
        /// That the request fails is noted, while the database may still be paused.
        NoteFailure = "noteFailure",
        /// The pause ends.
        ResumeDatabase = "resumeDatabase",
        /// The request becomes `Successful`.
        Succeed = "succeed",
        /// The request becomes `Failed`.
        Fail = "fail",
        /// A pause ends whose request is gone or over.
        ReleaseDatabase = "releaseDatabase",
    }
}

words! {
    /// How a request ended by this executor's hand.
    RequestEnd {
        /// `Successful`
        Successful = "successful",
        /// `Failed`
        Failed = "failed",
        /// `Denied`
        Denied = "denied",
        /// `Skipped`
        Skipped = "skipped",
    }
}
