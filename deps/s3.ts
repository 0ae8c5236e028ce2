/** Door for S3: signs requests; sending them is ours. */
export { AwsV4Signer } from "aws4fetch";
