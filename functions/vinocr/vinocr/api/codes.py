"""Every error code that VinOCR can answer: its message in two languages and what it costs.

The codes are those of the API page "VinOCR" (2024-03-06), of the official SDK's list for the
product, and of API 3.0's common list. Placeholders in braces are filled from `ApiError.about`.
"""

from __future__ import annotations

from collections import defaultdict
from enum import Enum
from typing import Final, NamedTuple


class Language(str, Enum):
    """The two languages that ``X-TC-Language`` can ask for."""

    ENGLISH = "en-US"
    CHINESE = "zh-CN"


class Words(NamedTuple):
    """A text in both languages."""

    english: str
    chinese: str

    def in_language(self, language: Language) -> str:
        """Return the text of ``language``."""
        return self.chinese if language is Language.CHINESE else self.english


class ApiError(Exception):
    """The call ends with an error code, which is all that the client gets.

    :param code: a code of `MESSAGES`, or any other that the faults file asks for.
    :param message: replaces the table's message in both languages.
    :param retry_after: seconds after which another try makes sense, where that is known.
    :param about: values of the table's placeholders; a key of `REASONS` follows the client's
        language, and may have placeholders of its own.
    """

    def __init__(
        self,
        code: str,
        message: str | None = None,
        *,
        retry_after: int | None = None,
        **about: object,
    ) -> None:
        super().__init__(code)
        self.code = code
        self.retry_after = retry_after
        self.message = message
        self.about = about

    def text(self, language: Language) -> str:
        """Return the message in ``language``."""
        if self.message is not None:
            return self.message
        words = MESSAGES.get(self.code)
        if words is None:
            return self.code
        # The faults file may name a code without the values of its placeholders.
        about = defaultdict[str, object](lambda: "…", self.about)
        for name, value in self.about.items():
            if isinstance(value, str) and value in REASONS:
                reason = value if language is Language.ENGLISH else REASONS[value]
                about[name] = reason.format_map(about)
        return words.in_language(language).format_map(about)


def is_billed(code: str | None) -> bool:
    """Whether an answer is charged: success (``None``) and an empty image (product page 866/45470)."""
    return code is None or code == "FailedOperation.EmptyImageError"


PROBLEM_STATUS: Final = {
    "AuthFailure.InvalidAuthorization": 401,
    "FailedOperation.EmptyImageError": 422,
    "FailedOperation.EngineRecognizeTimeout": 504,
    "FailedOperation.ImageDecodeFailed": 422,
    "FailedOperation.ImageSizeTooLarge": 413,
    "FailedOperation.UnKnowFileTypeError": 415,
    "InvalidParameter.EngineImageDecodeFailed": 422,
    "InvalidRequest": 400,
    "LimitExceeded.TooLargeFileError": 413,
    "MissingParameter": 400,
    "RequestLimitExceeded": 429,
    "ResourceInsufficient": 503,
    "ResourceUnavailable": 503,
    "ServiceUnavailable": 503,
    "UnsupportedOperation": 415,
}
"""code → HTTP status of the extra API's problem document; any other code is 500."""

# The messages of the common codes are those that API 3.0 answers, where publicly quoted
# (RequestLimitExceeded, MissingParameter, SignatureFailure): clients parse them.
# fmt: off
MESSAGES: Final = {code: Words(*texts) for code, texts in {
    # The page "VinOCR".
    "FailedOperation.DownLoadError": ("File download failed: {why}.", "文件下载失败：{why}。"),
    "FailedOperation.EmptyImageError": ("The image is empty: send at least one byte of a PNG or JPEG.",
        "图片内容为空，请上传至少有一个字节的 PNG 或 JPEG 图片。"),
    "FailedOperation.ImageDecodeFailed": ("Image decoding failed: {why}. Send a complete PNG, JPG or JPEG.",
        "图片解码失败：{why}。请上传完整的 PNG、JPG 或 JPEG 图片。"),
    "FailedOperation.OcrFailed": (
        "OCR failed: no VIN was found in the image. Take the photo closer to the VIN.",
        "OCR识别失败：图片中未找到 VIN，请靠近 VIN 重新拍摄。"),
    "FailedOperation.UnKnowError": ("Unknown error: the recognition engine stopped. Try again.",
        "未知错误：识别引擎已停止，请重试。"),
    "FailedOperation.UnOpenError": ("The service is not activated. Activate OCR for this account first.",
        "服务未开通，请先为该账号开通文字识别服务。"),
    "InvalidParameterValue.InvalidParameterValueLimit": ("Incorrect parameter value: {why}.",
        "参数值错误：{why}。"),
    "LimitExceeded.TooLargeFileError": (
        "The file is too large: after Base64 it may have at most `{limit}` bytes.",
        "文件内容太大：Base64 编码后不能超过 `{limit}` 字节。"),
    "ResourceUnavailable.InArrears": ("The account is in arrears. Top it up first.", "账号已欠费，请先充值。"),
    "ResourceUnavailable.ResourcePackageRunOut": (
        "The account's resource package is used up. Buy another one first.",
        "账号资源包耗尽，请先购买新的资源包。"),
    "ResourcesSoldOut.ChargeStatusException": (
        "The account's billing status is exceptional. Check it in the console.",
        "计费状态异常，请在控制台查看。"),
    # Product-wide codes that the SDK lists.
    "FailedOperation.ArrearsError": ("The service was suspended because the account is in arrears.",
        "账号已欠费，服务已停用。"),
    "FailedOperation.CountLimitError": ("The number of calls has reached today's limit of `{limit}`.",
        "今日次数达到限制 `{limit}`。"),
    "FailedOperation.DetectFailed": ("Detection failed: the VIN is cut off by the edge of the image.",
        "检测失败：VIN 被图片边缘截断。"),
    "FailedOperation.EngineRecognizeTimeout": (
        "The recognition engine timed out. Try again, or send a smaller image.",
        "引擎识别超时，请重试，或上传较小的图片。"),
    "FailedOperation.ImageBlur": ("The image is blurred. Take a sharper photo.", "图片模糊，请重新拍摄清晰的照片。"),
    "FailedOperation.ImageNoText": ("No text was detected in the image.", "图片中未检测到文本。"),
    "FailedOperation.ImageSizeTooLarge": ("The image has too many pixels: at most `{limit}` are read.",
        "图片尺寸过大：像素数不能超过 `{limit}`。"),
    "FailedOperation.UnKnowFileTypeError": ("Unknown file type: this is no image. Send a PNG, JPG or JPEG.",
        "未知的文件类型。请上传 PNG、JPG 或 JPEG 图片。"),
    "InvalidParameter.ConfigFormatError": ("Config is not valid JSON.", "Config不是有效的JSON格式。"),
    "InvalidParameter.EngineImageDecodeFailed": (
        "Image decoding failed: the engine does not know this JPEG's coding ({why}).",
        "图片解码失败：引擎不支持此 JPEG 编码（{why}）。"),
    # Common codes of API 3.0.
    "ActionOffline": ("The action `{action}` is offline.", "接口 `{action}` 已下线。"),
    "AuthFailure.InvalidAuthorization": ("The `Authorization` header is invalid: {why}.",
        "请求头部的 `Authorization` 不符合腾讯云标准：{why}。"),
    "AuthFailure.InvalidSecretId": ("The SecretId is not a key of the cloud API type.",
        "密钥非法（不是云 API 密钥类型）。"),
    "AuthFailure.MFAFailure": ("MFA failed: this account takes only temporary credentials issued after MFA.",
        "MFA 错误：该账号只接受通过 MFA 后签发的临时密钥。"),
    "AuthFailure.SecretIdNotFound": (
        "The SecretId is not found, please ensure that your SecretId is correct.",
        "密钥不存在，请检查 SecretId 是否正确。"),
    "AuthFailure.SignatureExpire": (
        "The signature has expired: the request's timestamp and the server's time `{now}` may differ by "
        "at most `{window}` seconds. Set your clock.",
        "签名过期：请求时间戳与服务器时间 `{now}` 相差不得超过 `{window}` 秒，请校准时钟。"),
    "AuthFailure.SignatureFailure": (
        "The provided credentials could not be validated. Please check your signature is correct.",
        "签名错误。请检查签名计算是否正确。"),
    "AuthFailure.TokenFailure": ("The token is invalid: {why}.", "token 错误：{why}。"),
    "AuthFailure.UnauthorizedOperation": (
        "The request is not authorized by CAM: this account may not call `{action}`.",
        "请求未授权：该账号无权调用 `{action}`。"),
    "DryRunOperation": ("The request would have succeeded, but this account makes dry runs only.",
        "DryRun 操作，代表请求将会是成功的，但该账号只做 DryRun。"),
    "FailedOperation": ("The operation failed.", "操作失败。"),
    "InternalError": ("An internal error has occurred. Retry, and if it stays, name the RequestId.",
        "内部错误，请重试；如仍出现，请提供 RequestId。"),
    "InvalidAction": (
        "The request action=`{action}` is invalid or not match with request version=`{version}`.",
        "接口 `{action}` 不存在，或与版本 `{version}` 不匹配。"),
    "InvalidParameter": ("{why}.", "参数错误：{why}。"),
    "InvalidParameterValue": ("The value of parameter `{name}` is not valid: {why}.",
        "参数 `{name}` 取值错误：{why}。"),
    "InvalidRequest": ("The request is invalid: {why}.", "请求格式错误：{why}。"),
    "IpInBlacklist": ("The IP address `{address}` is in the blacklist.", "IP地址 `{address}` 在黑名单中。"),
    "IpNotInWhitelist": ("The IP address `{address}` is not in the whitelist.", "IP地址 `{address}` 不在白名单中。"),
    "LimitExceeded": ("Too many calls of this account are under way at once: at most `{limit}`.",
        "超过配额限制：同时进行的调用不能超过 `{limit}`。"),
    "MissingParameter": ("The request is missing a required parameter `{name}`.",
        "缺少必要参数 `{name}`。"),
    "NoSuchProduct": ("The product `{product}` does not exist.", "产品 `{product}` 不存在。"),
    "NoSuchVersion": ("The version `{version}` does not exist.", "接口版本 `{version}` 不存在。"),
    "RequestLimitExceeded": (
        "Your current request times equals to `{current}` in a second, which exceeds the frequency limit "
        "`{limit}` for a second. Please reduce the frequency of calls.",
        "您当前每秒请求 `{current}` 次，超过了每秒频率上限 `{limit}` 次，请稍后重试。"),
    "RequestLimitExceeded.GlobalRegionUinLimitExceeded": (
        "The main account's requests over all regions are `{current}` in a second, which exceeds the "
        "frequency limit `{limit}` for a second.",
        "主账号在所有地域的每秒请求 `{current}` 次，超过频率限制 `{limit}`。"),
    "RequestLimitExceeded.IPLimitExceeded": (
        "The requests of this IP address are `{current}` in a second, which exceeds the frequency limit "
        "`{limit}` for a second.",
        "IP 每秒请求 `{current}` 次，超过频率限制 `{limit}`。"),
    "RequestLimitExceeded.UinLimitExceeded": (
        "The main account's requests are `{current}` in a second, which exceeds the frequency limit "
        "`{limit}` for a second.",
        "主账号每秒请求 `{current}` 次，超过频率限制 `{limit}`。"),
    "RequestSizeLimitExceeded": ("The request size exceeds the limit of `{limit}` bytes.",
        "请求包超过限制大小 `{limit}` 字节。"),
    "ResourceInUse": ("The resource is in use.", "资源被占用。"),
    "ResourceInsufficient": ("The service is busy: {why}. Try again in `{seconds}` seconds.",
        "资源不足：{why}。请在 `{seconds}` 秒后重试。"),
    "ResourceNotFound": ("The resource does not exist.", "资源不存在。"),
    "ResourceUnavailable": ("The recognition engine is not available: {why}.", "识别引擎不可用：{why}。"),
    "ResponseSizeLimitExceeded": ("The response size exceeds the limit.", "返回包超过限制大小。"),
    "ServiceUnavailable": ("The service is currently unavailable: {why}. Try again later.",
        "当前服务暂时不可用：{why}。请稍后重试。"),
    "UnauthorizedOperation": ("Unauthorized operation: this account is disabled.",
        "未授权操作：该账号已被停用。"),
    "UnknownParameter": ("The parameter `{name}` is not recognized.", "未知参数 `{name}`。"),
    "UnsupportedOperation": ("The operation is not supported: {why}.", "操作不支持：{why}。"),
    "UnsupportedProtocol": ("The method `{method}` is not supported: only GET and POST requests are.",
        "HTTP(S) 请求方法 `{method}` 不支持，只支持 GET 和 POST 请求。"),
    "UnsupportedRegion": ("The region `{region}` is not supported.", "接口不支持地域 `{region}`。"),
}.items()}
# fmt: on
"""code → its message. The faults file can ask for codes that are not listed here."""

# fmt: off
REASONS: Final = {
    "it is neither HmacSHA1 nor HmacSHA256": "只支持 HmacSHA1 和 HmacSHA256",
    "this key is permanent and has none": "永久密钥不使用 token",
    "it is missing": "缺少 token",
    "it is not the one of this key": "token 与密钥不匹配",
    "it has expired, fetch a new one": "token 已过期",
    "more than {redirects} redirects": "重定向超过 {redirects} 次",
    "ImageUrl is longer than {limit} characters": "ImageUrl 超过 {limit} 个字符",
    "ImageUrl must begin with http:// or https://": "ImageUrl 必须以 http:// 或 https:// 开头",
    "ImageUrl must name a host and be percent-encoded": "ImageUrl 必须包含主机名并经过 URL 编码",
    "ImageUrl must not carry a user name": "ImageUrl 不能包含用户名",
    "a redirect leads nowhere": "重定向缺少目标地址",
    "the host sent it compressed although not asked to": "目标主机返回了压缩内容",
    "ImageUrl is not a URL": "ImageUrl 不是合法的 URL",
    "a redirect leads to something that is no web address": "重定向目标不是合法的网址",
    "it took longer than {seconds} s": "下载时间超过 {seconds} 秒",
    "the address is not a public one": "目标地址不是公网地址",
    "the host cannot be reached": "无法连接目标主机",
    "the host's answer broke off or is not HTTP": "目标主机应答中断或不是 HTTP",
    "the host answered HTTP {status}": "目标主机返回 HTTP {status}",
    "ImageBase64 is not Base64": "ImageBase64 不是 Base64 编码",
    "{name} is not supported": "不支持 {name} 格式",
    "ImageBase64 must not begin with data:": "ImageBase64 不能以 data: 开头",
    "Content-Type must be application/json, application/x-www-form-urlencoded or multipart/form-data":
        "Content-Type 只支持 application/json、application/x-www-form-urlencoded 和 multipart/form-data",
    "the multipart body is malformed": "请求 body 的 multipart 格式错误",
    "it is no Unix time in seconds": "不是以秒为单位的 UNIX 时间戳",
    "it is neither en-US nor zh-CN": "只支持 zh-CN 和 en-US",
    "VinOCR takes no application/octet-stream, send JSON":
        "VinOCR 不支持 application/octet-stream，请使用 JSON",
    "The request body must be a JSON object": "请求 body 必须是 JSON 对象",
    "A parameter is given twice": "参数重复",
    "The parameters are not percent-encoded UTF-8": "参数不是经过 URL 编码的 UTF-8",
    "Url key and value should be splited by `=`": "参数名与参数值应以 `=` 分隔",
    "The request body is not valid JSON": "请求 body 的 JSON 格式错误",
    "ImageBase64` or `ImageUrl": "ImageBase64` 或 `ImageUrl",
    "too many downloads are under way": "下载任务过多",
    "The value type of parameter `{name}` is not valid: it must be a string":
        "参数 `{name}` 类型错误，应为字符串",
    "the request did not arrive in time": "请求未能及时到达",
    "the file is damaged or incomplete": "文件已损坏或不完整",
    "all readers are busy": "识别引擎繁忙",
    "no reader is up yet": "识别引擎正在启动",
    "too many large requests are under way": "大请求过多",
    "too many names are being resolved": "域名解析任务过多",
    "no reader starts, see the server's log": "识别引擎无法启动",
}
# fmt: on
"""English → Chinese of the reasons that fill a message's placeholders."""
